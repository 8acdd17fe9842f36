package benchmark;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import io.github.guoshiqiufeng.dify.chat.DifyChat;
import io.github.guoshiqiufeng.dify.chat.dto.request.ChatMessageSendRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.MessagesRequest;
import io.github.guoshiqiufeng.dify.chat.dto.response.ChatMessageSendCompletionResponse;
import io.github.guoshiqiufeng.dify.client.codec.jackson.JacksonJsonMapper;
import io.github.guoshiqiufeng.dify.client.integration.okhttp.http.JavaHttpClientFactory;
import io.github.guoshiqiufeng.dify.support.impl.builder.DifyChatBuilder;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Flux;

/** Obeys orders, a JSON object a line, as the Python contenders do. */
public final class Runner {

    private static final String KEY = "app-benchmark";
    private static final String USER = "bench-user";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final DifyChat chat;

    private Runner(String url) {
        chat = DifyChatBuilder.create(DifyChatBuilder.builder()
                .baseUrl(url)
                .httpClientFactory(new JavaHttpClientFactory(new JacksonJsonMapper()))
                .build());
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(new PrintStream(OutputStream.nullOutputStream()));
        Runner runner = new Runner(arguments[0]);
        ObjectNode hello = JSON.createObjectNode();
        hello.putObject("versions")
                .put("dify-java", arguments[1])
                .put("JVM", System.getProperty("java.vm.version"));
        out.println(hello);
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            ObjectNode answer;
            try {
                answer = runner.obey(JSON.readTree(line));
            } catch (Exception error) {
                answer = JSON.createObjectNode().put("failed", error.toString());
            }
            out.println(answer);
        }
        System.exit(0);
    }

    private ObjectNode obey(JsonNode order) throws Exception {
        switch (order.get("do").asText()) {
            case "count":
                return each(order.get("events").asInt(), () -> count(order));
            case "texts":
                return texts(order);
            case "calls":
                return calls(order);
            default:
                return JSON.createObjectNode().put("missing", true);
        }
    }

    private Flux<ChatMessageSendCompletionResponse> stream(JsonNode order) {
        ChatMessageSendRequest request = new ChatMessageSendRequest();
        request.setApiKey(KEY);
        request.setUserId(USER);
        request.setContent(order.get("query").asText());
        return chat.sendChatMessageStream(request);
    }

    private int count(JsonNode order) {
        AtomicInteger count = new AtomicInteger();
        stream(order).doOnNext(item -> count.incrementAndGet()).blockLast();
        return count.get();
    }

    private ObjectNode texts(JsonNode order) {
        ObjectNode answer = JSON.createObjectNode();
        ArrayNode texts = answer.putArray("texts");
        try {
            stream(order).doOnNext(item -> {
                String text = item.getAnswer();
                if (text == null && item.getData() != null) {
                    text = JSON.valueToTree(item.getData()).path("title").asText("");
                }
                if (text != null && !text.isEmpty()) {
                    texts.add(text);
                }
            }).blockLast();
        } catch (Exception error) {
            answer.put("failed", error.toString());
        }
        return answer;
    }

    private ObjectNode calls(JsonNode order) throws Exception {
        int times = order.get("times").asInt();
        boolean lists = order.get("name").asText().equals("messages");
        return each(times, () -> {
            Object result = null;
            for (int i = 0; i < times; i++) {
                result = lists ? messages() : chat.parameters(KEY).getOpeningStatement();
            }
            return result;
        });
    }

    private int messages() {
        MessagesRequest request = new MessagesRequest();
        request.setApiKey(KEY);
        request.setUserId(USER);
        request.setConversationId("c");
        request.setLimit(100);
        return chat.messages(request).getData().size();
    }

    private static ObjectNode each(int count, Callable<Object> action) throws Exception {
        long started = PROCESS.getProcessCpuTime();
        Object result = action.call();
        double us = (PROCESS.getProcessCpuTime() - started) / 1000.0 / count;
        ObjectNode answer = JSON.createObjectNode().put("us", us);
        answer.set("result", JSON.valueToTree(result));
        return answer;
    }
}
