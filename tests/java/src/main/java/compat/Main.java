package compat;

import java.nio.file.Path;

/** {@code vectors SCENARIOS ANSWERS OUT} writes vectors, {@code talk URL} talks to an emulator. */
public final class Main {

    private Main() {
    }

    public static void main(String[] args) throws Exception {
        int status = 0;
        switch (args[0]) {
            case "vectors" -> Vectors.write(Path.of(args[1]), Path.of(args[2]), Path.of(args[3]));
            case "talk" -> status = Conversation.hold(args[1]);
            default -> throw new IllegalArgumentException(args[0]);
        }
        // the SDK's HTTP client keeps threads for a minute
        System.exit(status);
    }
}
