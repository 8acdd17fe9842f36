package compat;

import io.github.guoshiqiufeng.dify.chat.DifyChat;
import io.github.guoshiqiufeng.dify.chat.dto.request.AppAnnotationCreateRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.AppAnnotationPageRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.AppAnnotationReplyQueryRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.AppAnnotationReplyRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.AppAnnotationUpdateRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.AppFeedbackPageRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.AudioToTextRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.BaseChatRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.ChatMessageSendRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.ConversationVariableRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.FilePreviewRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.FileUploadRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.MessageConversationsRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.MessageFeedbackRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.MessagesRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.RenameConversationRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.TextToAudioRequest;
import io.github.guoshiqiufeng.dify.chat.dto.request.UpdateConversationVariableRequest;
import io.github.guoshiqiufeng.dify.chat.dto.response.AppAnnotationReplyResponse;
import io.github.guoshiqiufeng.dify.chat.dto.response.AppAnnotationResponse;
import io.github.guoshiqiufeng.dify.chat.dto.response.AppFeedbackResponse;
import io.github.guoshiqiufeng.dify.chat.dto.response.ChatMessageSendCompletionResponse;
import io.github.guoshiqiufeng.dify.chat.dto.response.ChatMessageSendResponse;
import io.github.guoshiqiufeng.dify.chat.dto.response.ConversationVariableResponse;
import io.github.guoshiqiufeng.dify.chat.dto.response.FileUploadResponse;
import io.github.guoshiqiufeng.dify.chat.dto.response.message.WorkflowFinishedData;
import io.github.guoshiqiufeng.dify.chat.enums.AnnotationReplyActionEnum;
import io.github.guoshiqiufeng.dify.core.exception.DifyClientException;
import io.github.guoshiqiufeng.dify.core.pojo.DifyFile;
import io.github.guoshiqiufeng.dify.core.pojo.response.MessagesResponseVO;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Every method of {@link DifyChat} used on one running server, as an application would. */
final class Conversation {

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    // messagesSuggested puts it into the URL as it is, which takes no blank and no Chinese
    private static final String USER = "java-user";

    private final DifyChat chat;
    private final Set<String> unused = Arrays.stream(DifyChat.class.getMethods())
            .map(Method::getName).collect(Collectors.toCollection(TreeSet::new));
    private int passed;

    private Conversation(DifyChat chat) {
        this.chat = (DifyChat) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[]{DifyChat.class},
                (proxy, method, arguments) -> {
                    unused.remove(method.getName());
                    try {
                        return method.invoke(chat, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** Talk to the apps of these keys; throws where an answer is not what it must be. */
    static void hold(String url, String chat, String agent, String chatflow) {
        Conversation conversation = new Conversation(Vectors.chat(url));
        conversation.aboutTheApp(chat);
        conversation.aChat(chat);
        conversation.files(chat);
        conversation.audio(chat);
        conversation.annotations(chat);
        conversation.anAgent(agent);
        conversation.aChatflow(chatflow);
        conversation.refusals(chat, agent);
        conversation.check("methods without use: " + conversation.unused,
                conversation.unused.isEmpty());
        System.out.println(conversation.passed + " checks of a conversation with the emulator");
    }

    private void check(String what, boolean holds) {
        if (!holds) {
            throw new AssertionError(what);
        }
        passed++;
    }

    private static <R extends BaseChatRequest> R from(String key, R request) {
        request.setApiKey(key);
        request.setUserId(USER);
        return request;
    }

    private static ChatMessageSendRequest question(String key, String content, String conversation) {
        return from(key, new ChatMessageSendRequest())
                .setContent(content).setConversationId(conversation).setInputs(Map.of());
    }

    private List<ChatMessageSendCompletionResponse> stream(ChatMessageSendRequest request) {
        return chat.sendChatMessageStream(request).collectList().block(PATIENCE);
    }

    private static String text(List<ChatMessageSendCompletionResponse> items) {
        return items.stream().map(ChatMessageSendCompletionResponse::getAnswer)
                .filter(Objects::nonNull).collect(Collectors.joining());
    }

    private static boolean has(List<ChatMessageSendCompletionResponse> items, String event) {
        return items.stream().anyMatch(item -> event.equals(item.getEvent()));
    }

    private void aboutTheApp(String key) {
        check("parameters", chat.parameters(key).getUserInputForm() != null);
        check("info", !chat.info(key).getName().isEmpty());
        check("meta", chat.meta(key).getToolIcons() != null);
        check("site", !chat.site(key).getTitle().isEmpty());
    }

    private void aChat(String key) {
        ChatMessageSendResponse first = chat.send(question(key, "What is the time? 现在几点？", null));
        check("send", !first.getAnswer().isEmpty());
        check("usage", first.getMetadata().getUsage().getTotalTokens() > 0);
        String id = first.getConversationId();

        List<ChatMessageSendCompletionResponse> items = stream(question(key, "And then?", id));
        check("stream", !text(items).isEmpty());
        check("stream ends", "message_end".equals(items.get(items.size() - 1).getEvent()));
        check("conversation goes on", id.equals(items.get(0).getConversationId()));

        int[] seen = {0};
        List<ChatMessageSendCompletionResponse> stopped =
                chat.sendChatMessageStream(question(key, "Tell me a long story.", id))
                        .doOnNext(item -> {
                            if (seen[0]++ == 0) {
                                chat.stopMessagesStream(key, item.getTaskId(), USER);
                            }
                        })
                        .collectList().block(PATIENCE);
        check("stop", "message_end".equals(stopped.get(stopped.size() - 1).getEvent()));

        MessagesRequest asked = from(key, new MessagesRequest());
        asked.setConversationId(id);
        List<MessagesResponseVO> messages = chat.messages(asked).getData();
        check("messages", messages.size() == 3);
        check("question kept", "And then?".equals(messages.get(1).getQuery()));
        check("answer kept", text(items).equals(messages.get(1).getAnswer()));
        check("what was said until the stop kept",
                text(stopped).equals(messages.get(2).getAnswer()));
        check("suggested", !chat.messagesSuggested(first.getMessageId(), key, USER).isEmpty());
        feedback(key, messages.get(1).getId());
        ofConversations(key, id);
    }

    private void feedback(String key, String message) {
        MessageFeedbackRequest liked = from(key, new MessageFeedbackRequest());
        liked.setMessageId(message);
        liked.setContent("很好");
        liked.setRating(MessageFeedbackRequest.Rating.LIKE);
        check("feedback", "success".equals(chat.messageFeedback(liked).getResult()));
        List<AppFeedbackResponse> feedbacks =
                chat.feedbacks(from(key, new AppFeedbackPageRequest())).getData();
        check("feedbacks", feedbacks.stream().anyMatch(each -> message.equals(each.getMessageId())
                && "like".equals(each.getRating()) && each.getCreatedAt() != null));
        liked.setRating(MessageFeedbackRequest.Rating.UNLIKE);
        check("feedback back", "success".equals(chat.messageFeedback(liked).getResult()));
        check("no feedback left",
                chat.feedbacks(from(key, new AppFeedbackPageRequest())).getData().isEmpty());
    }

    private void ofConversations(String key, String id) {
        RenameConversationRequest renamed = from(key, new RenameConversationRequest());
        renamed.setConversationId(id);
        renamed.setName("新名字 🙂");
        check("rename", "新名字 🙂".equals(chat.renameConversation(renamed).getName()));
        MessageConversationsRequest asked = from(key, new MessageConversationsRequest());
        check("conversations", chat.conversations(asked).getData().stream()
                .anyMatch(each -> id.equals(each.getId()) && "新名字 🙂".equals(each.getName())));
        chat.deleteConversation(id, key, USER);
        check("delete", chat.conversations(asked).getData().stream()
                .noneMatch(each -> id.equals(each.getId())));
    }

    private void files(String key) {
        FileUploadRequest upload = from(key, new FileUploadRequest());
        upload.setFile(new DifyFile("图.png", "image/png", "no picture".getBytes()));
        FileUploadResponse file = chat.fileUpload(upload);
        check("upload", "图.png".equals(file.getName()) && file.getSize() == 10);

        ChatMessageSendRequest.ChatMessageFile part = new ChatMessageSendRequest.ChatMessageFile();
        part.setTransferMethod("local_file");
        part.setUploadFileId(file.getId());
        check("send with a file", !chat.send(
                question(key, "What is this?", null).setFiles(List.of(part))).getAnswer().isEmpty());

        FilePreviewRequest preview = from(key, new FilePreviewRequest());
        preview.setFileId(file.getId());
        check("preview", "no picture".equals(new String(chat.filePreview(preview).getBody())));
    }

    private void audio(String key) {
        TextToAudioRequest spoken = from(key, new TextToAudioRequest());
        spoken.setText("你好");
        check("text to audio", chat.textToAudio(spoken).getBody().length > 0);
        AudioToTextRequest heard = from(key, new AudioToTextRequest());
        heard.setFile(new DifyFile("a.wav", "audio/wav", new byte[1000]));
        check("audio to text", !chat.audioToText(heard).getText().isEmpty());
    }

    private void annotations(String key) {
        AppAnnotationCreateRequest created = from(key, new AppAnnotationCreateRequest());
        created.setQuestion("capital?");
        created.setAnswer("巴黎");
        AppAnnotationResponse annotation = chat.createAppAnnotation(created);
        check("create annotation", "巴黎".equals(annotation.getAnswer()));

        AppAnnotationUpdateRequest updated = from(key, new AppAnnotationUpdateRequest());
        updated.setAnnotationId(annotation.getId());
        updated.setQuestion("capital of France?");
        updated.setAnswer("Paris");
        check("update annotation",
                "Paris".equals(chat.updateAppAnnotation(updated).getAnswer()));
        check("annotations", chat.pageAppAnnotation(from(key, new AppAnnotationPageRequest()))
                .getData().stream().anyMatch(each -> annotation.getId().equals(each.getId())));

        for (AnnotationReplyActionEnum action : AnnotationReplyActionEnum.values()) {
            AppAnnotationReplyRequest reply = from(key, new AppAnnotationReplyRequest());
            reply.setAction(action);
            reply.setEmbeddingProviderName("openai");
            reply.setEmbeddingModelName("text-embedding-3-small");
            reply.setScoreThreshold(0.9f);
            AppAnnotationReplyResponse job = chat.annotationReply(reply);
            AppAnnotationReplyQueryRequest query =
                    from(key, new AppAnnotationReplyQueryRequest());
            query.setAction(action);
            query.setJobId(job.getJobId());
            check("annotation reply " + action,
                    job.getJobId().equals(chat.queryAnnotationReply(query).getJobId()));
        }
        chat.deleteAppAnnotation(annotation.getId(), key);
        check("delete annotation", chat.pageAppAnnotation(from(key, new AppAnnotationPageRequest()))
                .getData().stream().noneMatch(each -> annotation.getId().equals(each.getId())));
    }

    private void anAgent(String key) {
        List<ChatMessageSendCompletionResponse> items = stream(question(key, "Think!", null));
        check("agent answers", has(items, "agent_message") && !text(items).isEmpty());
        check("agent thinks", items.stream().anyMatch(
                item -> "agent_thought".equals(item.getEvent()) && item.getPosition() == 1));
    }

    private void aChatflow(String key) {
        List<ChatMessageSendCompletionResponse> items = stream(question(key, "你好", null));
        check("nodes", has(items, "workflow_started") && has(items, "node_started")
                && has(items, "node_finished"));
        WorkflowFinishedData finished = items.stream()
                .map(ChatMessageSendCompletionResponse::getData)
                .filter(WorkflowFinishedData.class::isInstance)
                .map(WorkflowFinishedData.class::cast).findFirst().orElseThrow();
        check("workflow finished", "succeeded".equals(finished.getStatus())
                && text(items).equals(finished.getOutputs().get("answer")));

        String id = items.get(0).getConversationId();
        ConversationVariableRequest asked = from(key, new ConversationVariableRequest());
        asked.setConversationId(id);
        ConversationVariableResponse text = chat.conversationVariables(asked).getData().stream()
                .filter(each -> "string".equals(each.getValueType())).findFirst().orElseThrow();
        UpdateConversationVariableRequest update =
                from(key, new UpdateConversationVariableRequest());
        update.setConversationId(id);
        update.setVariableId(text.getId());
        update.setValue("新值");
        check("update variable",
                "新值".equals(chat.updateConversationVariable(update).getValue()));
        check("variables", chat.conversationVariables(asked).getData().stream()
                .anyMatch(each -> "新值".equals(each.getValue())));
    }

    private void refusals(String key, String agent) {
        refused("no such conversation", 404, () -> chat.send(
                question(key, "Hello", "00000000-0000-4000-8000-000000000000")));
        refused("wrong key", 401, () -> chat.info("app-no-such-key"));
        refused("blocking agent", 400, () -> chat.send(question(agent, "Hello", null)));
    }

    private void refused(String what, int status, Runnable call) {
        try {
            call.run();
        } catch (DifyClientException e) {
            check(what, e.getCode() == status);
            return;
        }
        throw new AssertionError(what + " was not refused");
    }
}
