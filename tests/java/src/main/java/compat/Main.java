package compat;

import java.nio.file.Path;

/** {@code vectors SCENARIOS ANSWERS OUT} writes vectors, {@code talk URL KEY...} to an emulator. */
public final class Main {

    private Main() {
    }

    public static void main(String[] args) {
        int status = 0;
        try {
            switch (args[0]) {
                case "vectors" -> Vectors.write(Path.of(args[1]), Path.of(args[2]), Path.of(args[3]));
                case "talk" -> Conversation.hold(args[1], args[2], args[3], args[4]);
                default -> throw new IllegalArgumentException(args[0]);
            }
        } catch (Throwable failed) {
            failed.printStackTrace();
            status = 1;
        }
        // the SDK's HTTP client keeps threads for a minute
        System.exit(status);
    }
}
