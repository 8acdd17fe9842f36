package compat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.guoshiqiufeng.dify.chat.DifyChat;
import io.github.guoshiqiufeng.dify.chat.enums.StreamEventEnum;
import io.github.guoshiqiufeng.dify.client.codec.jackson.JacksonJsonMapper;
import io.github.guoshiqiufeng.dify.client.core.http.HttpClientException;
import io.github.guoshiqiufeng.dify.client.integration.okhttp.http.JavaHttpClientFactory;
import io.github.guoshiqiufeng.dify.core.exception.BaseException;
import io.github.guoshiqiufeng.dify.support.impl.builder.DifyChatBuilder;
import io.github.guoshiqiufeng.dify.support.impl.builder.DifyWorkflowBuilder;
import io.github.guoshiqiufeng.dify.workflow.DifyWorkflow;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.springframework.boot.autoconfigure.jackson.JacksonAutoConfiguration;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;

/** Calls {@link DifyChat}, or another facade, for each scenario; writes what was sent and came back. */
final class Vectors {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** For reading and writing what is the same everywhere: numbers kept, members sorted. */
    static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .enable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
            .build();

    private final ObjectMapper spring;
    private final Path answers;

    private Vectors(ObjectMapper spring, Path answers) {
        this.spring = spring;
        this.answers = answers;
    }

    static DifyChat chat(String url) {
        return DifyChatBuilder.create(DifyChatBuilder.builder()
                .baseUrl(url)
                .httpClientFactory(new JavaHttpClientFactory(new JacksonJsonMapper()))
                .build());
    }

    static DifyWorkflow workflow(String url) {
        return DifyWorkflowBuilder.create(DifyWorkflowBuilder.builder()
                .baseUrl(url)
                .httpClientFactory(new JavaHttpClientFactory(new JacksonJsonMapper()))
                .build());
    }

    static Method method(String name) {
        return method(DifyChat.class, name);
    }

    private static Method method(Class<?> facade, String name) {
        return Arrays.stream(facade.getMethods())
                .filter(each -> each.getName().equals(name))
                .findFirst().orElseThrow();
    }

    static void write(Path scenarios, Path answers, Path out) throws Exception {
        Files.createDirectories(out);
        String sdk = sdk();
        try (AnnotationConfigApplicationContext context =
                     new AnnotationConfigApplicationContext(JacksonAutoConfiguration.class);
             var files = Files.newDirectoryStream(scenarios, "*.json")) {
            Vectors vectors = new Vectors(context.getBean(ObjectMapper.class), answers);
            for (Path file : files) {
                StringBuilder text = new StringBuilder("{\"sdk\": ").append(line(JSON.valueToTree(sdk)));
                text.append(",\n\"vectors\": [");
                String separator = "\n";
                for (JsonNode scenario : JSON.readTree(file.toFile())) {
                    text.append(separator).append(vectors.vector(scenario));
                    separator = ",\n";
                }
                Files.writeString(out.resolve(file.getFileName()), text.append("\n]}\n"));
            }
            Files.writeString(out.resolve("types.json"), vectors.types(sdk));
        }
    }

    private static String sdk() throws IOException {
        Properties properties = new Properties();
        try (InputStream in = Vectors.class.getResourceAsStream("/sdk.properties")) {
            properties.load(in);
        }
        return properties.getProperty("sdk");
    }

    private String vector(JsonNode scenario) throws Exception {
        ObjectNode vector = scenario.deepCopy();
        byte[] answer = Files.readAllBytes(answers.resolve(scenario.get("answer").asText()));
        try (RecordingServer server = new RecordingServer(answer)) {
            call(server.url(), scenario, vector);
            ArrayNode requests = vector.putArray("requests");
            for (RecordingServer.Received request : server.received()) {
                requests.add(Requests.described(request, JSON));
            }
        }
        return lines(vector);
    }

    /** A method of another facade than the chat's has that one's name before its own. */
    private void call(String url, JsonNode scenario, ObjectNode vector) throws Exception {
        String name = scenario.get("method").asText();
        boolean ofWorkflows = name.startsWith("DifyWorkflow.");
        Object facade = ofWorkflows ? workflow(url) : chat(url);
        Method method = ofWorkflows
                ? method(DifyWorkflow.class, name.substring(name.indexOf('.') + 1))
                : method(name);
        Type[] types = method.getGenericParameterTypes();
        Object[] arguments = new Object[types.length];
        for (int i = 0; i < types.length; i++) {
            JavaType type = JSON.constructType(types[i]);
            arguments[i] = spring.convertValue(scenario.get("arguments").get(i), type);
        }
        try {
            Object result = method.invoke(facade, arguments);
            if (result instanceof Flux<?> flux) {
                ArrayNode items = vector.putArray("items");
                try {
                    flux.doOnNext(item -> items.add(json(item))).blockLast(PATIENCE);
                } catch (Throwable thrown) {
                    vector.set("thrown", described(Exceptions.unwrap(thrown)));
                }
            } else {
                vector.set("result", json(result));
            }
        } catch (InvocationTargetException e) {
            vector.set("thrown", described(e.getCause()));
        }
    }

    private JsonNode json(Object result) {
        try {
            return Requests.withoutNulls(JSON.readTree(spring.writeValueAsString(result)));
        } catch (JsonProcessingException e) {
            return JSON.createObjectNode().put("not JSON", e.getClass().getName());
        }
    }

    static ObjectNode described(Throwable thrown) {
        ObjectNode described = JSON.createObjectNode();
        described.put("class", thrown.getClass().getName());
        if (thrown instanceof HttpClientException http) {
            described.put("status", http.getStatusCode());
        } else if (thrown instanceof BaseException dify) {
            described.put("status", dify.getCode());
        }
        // the JVM words its own exceptions anew with every release
        String name = thrown.getClass().getName();
        if (name.startsWith("io.github") || thrown instanceof IllegalArgumentException) {
            described.put("message", thrown.getMessage());
        }
        if (thrown.getCause() != null) {
            described.put("cause", thrown.getCause().getClass().getName());
        }
        return described;
    }

    /** The JSON names of every type that a method returns or an event carries. */
    private String types(String sdk) throws JsonProcessingException {
        Map<String, ArrayNode> types = new TreeMap<>();
        for (Method method : DifyChat.class.getMethods()) {
            collect(spring.constructType(method.getGenericReturnType()), types);
        }
        for (StreamEventEnum event : StreamEventEnum.values()) {
            collect(spring.constructType(event.getClazz()), types);
        }
        for (Method method : DifyWorkflow.class.getMethods()) {
            collect(spring.constructType(method.getGenericReturnType()), types);
        }
        StringBuilder text = new StringBuilder("{\"sdk\": ").append(line(JSON.valueToTree(sdk)));
        text.append(",\n\"types\": {");
        String separator = "\n";
        for (Map.Entry<String, ArrayNode> type : types.entrySet()) {
            text.append(separator).append(line(JSON.valueToTree(type.getKey()))).append(": ")
                    .append(line(type.getValue()));
            separator = ",\n";
        }
        return text.append("\n}}\n").toString();
    }

    private void collect(JavaType type, Map<String, ArrayNode> types) {
        for (JavaType part : type.getBindings().getTypeParameters()) {
            collect(part, types);
        }
        Class<?> raw = type.getRawClass();
        String name = raw.getName();
        if (!name.startsWith("io.github.guoshiqiufeng.dify.") || raw.isEnum()
                || name.endsWith(".ResponseEntity")) {
            return;
        }
        String simple = name.substring(name.lastIndexOf('.') + 1).replace('$', '.');
        if (types.containsKey(simple)) {
            return;
        }
        ArrayNode names = JSON.createArrayNode();
        types.put(simple, names);
        spring.getSerializationConfig().introspect(type).findProperties().stream()
                .filter(BeanPropertyDefinition::couldSerialize)
                .sorted(Comparator.comparing(BeanPropertyDefinition::getName))
                .forEach(property -> {
                    names.add(property.getName());
                    collect(property.getPrimaryType(), types);
                });
    }

    private static String line(JsonNode node) throws JsonProcessingException {
        // a tree's own members are not sorted, a map's are
        return JSON.writeValueAsString(JSON.treeToValue(node, Object.class));
    }

    /** One line a member, and one an item of a stream. */
    private static String lines(ObjectNode vector) throws JsonProcessingException {
        StringBuilder text = new StringBuilder("{");
        String separator = "";
        for (Map.Entry<String, JsonNode> member : vector.properties()) {
            text.append(separator).append(line(JSON.valueToTree(member.getKey()))).append(": ");
            if (member.getKey().equals("items")) {
                text.append('[');
                String between = "\n  ";
                for (JsonNode item : member.getValue()) {
                    text.append(between).append(line(item));
                    between = ",\n  ";
                }
                text.append(']');
            } else {
                text.append(line(member.getValue()));
            }
            separator = ",\n ";
        }
        return text.append('}').toString();
    }
}
