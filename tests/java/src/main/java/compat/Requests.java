package compat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What is compared of a request: nothing in it changes from run to run. */
final class Requests {

    private static final List<String> HEADERS = List.of("authorization", "content-type", "accept");
    private static final Pattern QUOTED = Pattern.compile("(name|filename)=\"([^\"]*)\"");

    private Requests() {
    }

    static ObjectNode described(RecordingServer.Received request, ObjectMapper json)
            throws IOException {
        String[] target = request.target().split("\\?", 2);
        ObjectNode described = json.createObjectNode();
        described.put("method", request.method());
        described.put("path", URLDecoder.decode(
                target[0].replace("+", "%2B"), StandardCharsets.UTF_8));
        if (target.length > 1) {
            described.set("query", query(target[1], json));
        }
        ObjectNode headers = described.putObject("headers");
        for (String name : HEADERS) {
            for (String value : request.headers().getOrDefault(name, List.of())) {
                headers.withArray(name).add(value.replaceFirst("boundary=.*", "boundary="));
            }
        }
        if (request.body().length > 0) {
            String type = request.headers().get("content-type").get(0);
            described.set("body", type.startsWith("multipart/")
                    ? parts(type.substring(type.indexOf("boundary=") + 9), request.body(), json)
                    : json.readTree(request.body()));
        }
        return described;
    }

    private static ArrayNode query(String query, ObjectMapper json) {
        ArrayNode pairs = json.createArrayNode();
        for (String pair : query.split("&")) {
            String[] sides = pair.split("=", 2);
            ArrayNode added = pairs.addArray();
            for (String side : sides) {
                added.add(URLDecoder.decode(side, StandardCharsets.UTF_8));
            }
        }
        return pairs;
    }

    private static ArrayNode parts(String boundary, byte[] body, ObjectMapper json) {
        ArrayNode parts = json.createArrayNode();
        String text = new String(body, StandardCharsets.ISO_8859_1);
        String[] pieces = ("\r\n" + text).split(Pattern.quote("\r\n--" + boundary));
        for (int i = 1; i < pieces.length - 1; i++) {
            String[] sides = pieces[i].substring(2).split("\r\n\r\n", 2);
            ObjectNode part = parts.addObject();
            for (String line : sides[0].split("\r\n")) {
                String header = new String(
                        line.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
                Matcher quoted = QUOTED.matcher(header);
                while (quoted.find()) {
                    part.put(quoted.group(1), quoted.group(2));
                }
                if (header.toLowerCase(java.util.Locale.ROOT).startsWith("content-type:")) {
                    part.put("type", header.substring(13).strip());
                }
            }
            byte[] content = sides[1].getBytes(StandardCharsets.ISO_8859_1);
            part.put("content", Base64.getEncoder().encodeToString(content));
        }
        return parts;
    }

    /** `node` without the nulls of its objects. */
    static JsonNode withoutNulls(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.properties().removeIf(entry -> entry.getValue().isNull());
        }
        node.forEach(Requests::withoutNulls);
        return node;
    }
}
