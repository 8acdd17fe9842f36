package compat;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Answers each connection's first request with the same bytes and keeps what was asked. */
final class RecordingServer implements Closeable {

    /** A request as it came; header names in lower case. */
    record Received(String method, String target, Map<String, List<String>> headers, byte[] body) {
    }

    private final ServerSocket listener;
    private final byte[] answer;
    private final List<Received> received = new ArrayList<>();

    RecordingServer(byte[] answer) throws IOException {
        this.answer = answer;
        this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread thread = new Thread(this::accept, "recording");
        thread.setDaemon(true);
        thread.start();
    }

    String url() {
        return "http://127.0.0.1:" + listener.getLocalPort();
    }

    synchronized List<Received> received() {
        return List.copyOf(received);
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }

    private void accept() {
        while (!listener.isClosed()) {
            try (Socket socket = listener.accept()) {
                Received request = read(socket.getInputStream());
                if (request != null) {
                    synchronized (this) {
                        received.add(request);
                    }
                    socket.getOutputStream().write(answer);
                    socket.getOutputStream().flush();
                    socket.shutdownOutput();
                }
            } catch (IOException e) {
                // the client went away, or the scenario is over
            }
        }
    }

    private static Received read(InputStream in) throws IOException {
        String[] first = line(in).split(" ");
        if (first.length < 3) {
            return null;
        }
        Map<String, List<String>> headers = new LinkedHashMap<>();
        for (String line = line(in); !line.isEmpty(); line = line(in)) {
            int colon = line.indexOf(':');
            String name = line.substring(0, colon).toLowerCase(Locale.ROOT);
            headers.computeIfAbsent(name, n -> new ArrayList<>())
                    .add(line.substring(colon + 1).strip());
        }
        int length = Integer.parseInt(headers.getOrDefault("content-length", List.of("0")).get(0));
        return new Received(first[0], first[1], headers, in.readNBytes(length));
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
            line.write(b);
        }
        return line.toString(StandardCharsets.ISO_8859_1).stripTrailing();
    }
}
