"""The Java of the pages, on the SDK itself: `python -m tests.docs.java_pages CLASSPATH`.

CLASSPATH is a file with the path of the SDK's jars, as Maven writes it. All snippets are compiled,
those of migration.md against stand-ins for Spring's names. Those of methods.md and flux.md are then
run on an emulator, and print what the page says of the Python beside them. Needs a JDK.
"""

from __future__ import annotations

import doctest
import itertools
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from dify_java_compat.emulator import DifyEmulator

from .pages import DOCS, Block, blocks

PAGES = {"methods.md": "MethodsPage", "flux.md": "FluxPage", "migration.md": "MigrationPage"}
RUN = ("methods.md", "flux.md")

SDK = "io.github.guoshiqiufeng.dify"
IMPORTS = [
    *(f"{SDK}.chat.{name}" for name in ("*", "client.*", "enums.*", "pipeline.*")),
    *(f"{SDK}.chat.dto.{name}" for name in ("request.*", "response.*", "response.message.*")),
    *(f"{SDK}.core.{name}" for name in ("config.*", "exception.*", "pipeline.*")),
    *(f"{SDK}.core.{name}" for name in ("pojo.*", "pojo.response.*")),
    f"{SDK}.client.core.http.HttpClientException",
    f"{SDK}.client.core.http.HttpHeaders",
    f"{SDK}.client.codec.jackson.JacksonJsonMapper",
    f"{SDK}.client.integration.okhttp.http.JavaHttpClientFactory",
    f"{SDK}.support.impl.builder.*",
    *(f"reactor.core.{name}.*" for name in ("publisher", "scheduler")),
    "reactor.util.retry.Retry",
    *(f"java.util.{name}*" for name in ("", "stream.", "concurrent.", "concurrent.atomic.")),
    *("java.io.IOException", "java.net.ConnectException", "java.nio.file.*", "java.time.Duration"),
]
RESPONSE_ENTITY = f"import {SDK}.client.core.response.ResponseEntity;"
STAND_INS = """
@interface Service {} @interface Component {} @interface Configuration {} @interface Bean {}
@interface Resource { String name() default ""; } @interface RequestParam {}
@interface GetMapping { String value(); String produces() default ""; }
@interface RestControllerAdvice {} @interface ExceptionHandler { Class<?> value(); }
class MediaType { static final String TEXT_EVENT_STREAM_VALUE = "text/event-stream"; }
interface Body { void write(byte[] bytes) throws IOException; }
interface HttpServletResponse { void setContentType(String type); Body getOutputStream(); }
class Log { void debug(String text) {} void error(String text, Throwable error) {} }
"""
SPRINGS_ENTITY = """
class ResponseEntity<T> {
    static Builder status(int status) { return new Builder(); }
    static class Builder { <T> ResponseEntity<T> body(T body) { return null; } }
}
"""
MAIN = """
    public static void main(String[] arguments) throws Exception {
        CLASS page = new CLASS();
        page.chat = DifyChatBuilder.create(DifyChatBuilder.builder().baseUrl(arguments[0])
                .httpClientFactory(new JavaHttpClientFactory(new JacksonJsonMapper())).build());
        page.request.setApiKey("app-chat");
        page.request.setUserId("user-1");
        page.request.setContent("Hello");
        try { page.run(); } catch (Throwable error) { error.printStackTrace(); System.exit(1); }
        System.exit(0);
    }
"""


def program(page: str) -> str:
    """A class with the page's methods and classes, and its statements in `run`."""
    name = PAGES[page]
    java = [block for block in blocks(DOCS / "en" / page) if block.language == "java"]
    members = [block.text for block in java if _is_member(block)]
    statements = [_marked(block) for block in java if not _is_member(block)]
    return "\n".join(
        [
            "package page;",
            *(f"import {each};" for each in IMPORTS),
            SPRINGS_ENTITY if page == "migration.md" else RESPONSE_ENTITY,
            f"public class {name} {{",
            "DifyChat chat, difyChat; static Log log = new Log(); String unknown;",
            "ChatMessageSendRequest request = new ChatMessageSendRequest();",
            *(re.sub(r"^public class", "static class", each, flags=re.M) for each in members),
            "void run() throws Exception {",
            *statements,
            "}",
            MAIN.replace("CLASS", name),
            "}",
        ]
    )


def _is_member(block: Block) -> bool:
    return block.text.startswith(("@", "private ", "public "))


def _marked(block: Block) -> str:
    return f'System.out.println("\\u0001{block.line}");\n{block.text}'


def expected(page: str) -> dict[int, str]:
    """By the line of a Java block, what the Python block right after it prints."""
    pairs = itertools.pairwise(blocks(DOCS / "en" / page))
    return {
        java.line: python.output
        for java, python in pairs
        if java.language == "java" and python.output is not None and not _is_member(java)
    }


def check(page: str, printed: str) -> list[str]:
    """What the Java of `page` prints otherwise than its Python."""
    parts = dict(part.split("\n", 1) for part in printed.split("\x01")[1:])
    same = doctest.OutputChecker().check_output
    wrong = []
    for line, text in expected(page).items():
        # Java writes true where Python writes True
        if not same(text.lower(), parts[str(line)].lower(), doctest.ELLIPSIS):
            wrong.append(f"{page}:{line} prints {parts[str(line)]!r}, not {text!r}")
    return wrong


def main(classpath: str) -> int:
    jars = Path(classpath).read_text(encoding="utf-8").strip()
    with tempfile.TemporaryDirectory() as made:
        sources = [Path(made, f"{name}.java") for name in PAGES.values()]
        for page, source in zip(PAGES, sources, strict=True):
            source.write_text(program(page), encoding="utf-8")
        names = Path(made, "StandIns.java")
        names.write_text(f"package page;\nimport java.io.IOException;\n{STAND_INS}", "utf-8")
        options = ["-proc:none", "-encoding", "UTF-8", "-cp", jars, "-d", made]
        subprocess.run(["javac", *options, *map(str, sources), str(names)], check=True)
        wrong = [each for page in RUN for each in check(page, _run(page, jars, made))]
    for each in wrong:
        print(each, file=sys.stderr)
    compared = sum(len(expected(page)) for page in RUN)
    print(f"{compared - len(wrong)} of {compared} Java snippets print what their Python prints")
    return 1 if wrong else 0


def _run(page: str, jars: str, directory: str) -> str:
    with DifyEmulator(token_pause=0.004) as dify:
        url = dify.base_url.removesuffix("/v1")
        classpath = f"{directory}:{jars}"
        command = ["java", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp", classpath]
        ended = subprocess.run(
            [*command, f"page.{PAGES[page]}", url],
            check=True,
            cwd=directory,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=120,
        )
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
