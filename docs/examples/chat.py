"""A chat page whose answer survives a reload, a second tab, and a server that is killed.

    pip install "dify-java-compat[emulator,redis]" starlette uvicorn
    python docs/examples/chat.py
    python docs/examples/chat.py --redis redis://localhost --workers 3

It runs on the emulator, or on the Dify of `--dify` with `--key`. Ask, reload in mid-answer, open
the address in a second tab, stop in either. With Redis any worker follows and stops what another
reads.
"""

import argparse
import multiprocessing
import secrets
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from dify_java_compat import (
    ChatMessageSendRequest,
    ClientConfig,
    DifyException,
    RequestsDifyChat,
)
from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.operators import do_on_cancel
from dify_java_compat.web.resumable import LostRun, ResumableStreams
from dify_java_compat.web.starlette import error_response, event_stream

PAGE = """<!doctype html><meta charset="utf-8"><title>Chat</title>
<style>body { font: 16px sans-serif; max-width: 40em; margin: 2em auto } #answer { min-height: 8em;
white-space: pre-wrap; border: 1px solid #ccc; padding: 1em; margin: 1em 0 }</style>
<form id="form"><input id="question" size="50" value="What is a stream?" autofocus>
<button>Ask</button> <button type="button" id="stop" disabled>Stop</button></form>
<div id="answer"></div><div id="state"></div><script>
const $ = name => document.getElementById(name);
let source = null;
function follow(id) {
  if (source) source.close();
  $("answer").textContent = "";
  $("state").textContent = "answering";
  $("stop").disabled = false;
  source = new EventSource("/follow/" + id);  // when it breaks it goes on behind its last event
  source.onmessage = one => {
    const item = JSON.parse(one.data);
    if (item.event === "message") $("answer").textContent += item.answer;
    if (item.event === "message_replace") $("answer").textContent = item.answer;
  };
  source.addEventListener("end", one => end(JSON.parse(one.data).reason));
  source.addEventListener("error", one => {
    if (one.data) end(JSON.parse(one.data).message);
    else if (source.readyState === EventSource.CLOSED) end("not kept any longer");
  });
}
function end(text) {
  source.close();
  $("stop").disabled = true;
  $("state").textContent = text;
}
$("form").onsubmit = async event => {
  event.preventDefault();
  const response = await fetch("/ask", {method: "POST", body: $("question").value});
  const body = await response.json();
  if (!response.ok) { $("state").textContent = body.message; return; }
  location.hash = body.id;
};
$("stop").onclick = () => fetch("/stop/" + location.hash.slice(1), {method: "POST"});
onhashchange = () => follow(location.hash.slice(1));
if (location.hash) onhashchange();
</script>"""


def user_of(request: Request) -> str:
    """Who asks; a service has its login for this."""
    return request.cookies.get("user") or "nobody"


def application(dify: str, key: str, redis: str | None) -> Starlette:
    """The page, and what it calls."""
    chat = RequestsDifyChat(dify, ClientConfig(stop_on_dispose=True), api_key=key)

    def take_over(run: LostRun) -> object:
        events = chat.workflowEvents(
            run.workflow_run_id, None, run.user, include_state_snapshot=True
        )
        return events.pipe(
            do_on_cancel(lambda: chat.stopMessagesStream(None, run.task_id, run.user))
        )

    if redis is None:
        streams = ResumableStreams(take_over=take_over, exclude_none=True)
    else:
        from dify_java_compat.web.redis import RedisStore

        streams = ResumableStreams(RedisStore(redis), take_over=take_over, exclude_none=True)

    async def page(request: Request) -> Response:
        response = HTMLResponse(PAGE)
        if "user" not in request.cookies:
            response.set_cookie("user", secrets.token_urlsafe(), httponly=True, samesite="strict")
        return response

    async def ask(request: Request) -> Response:
        user, text = user_of(request), (await request.body()).decode("utf-8", "replace")
        stream = chat.sendChatMessageStream(ChatMessageSendRequest(user_id=user, content=text))
        return JSONResponse({"id": await run_in_threadpool(streams.start, stream, user=user)})

    async def follow(request: Request) -> Response:
        last = request.headers.get("Last-Event-ID")
        stream_id = request.path_params["id"]
        return event_stream(
            streams.event_stream(stream_id, user=user_of(request), last_event_id=last)
        )

    def stop(request: Request) -> Response:
        streams.stop(request.path_params["id"], user=user_of(request))
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/", page),
            Route("/ask", ask, methods=["POST"]),
            Route("/follow/{id}", follow),
            Route("/stop/{id}", stop, methods=["POST"]),
        ],
        exception_handlers={DifyException: error_response},
    )


def serve(listener: socket.socket, dify: str, key: str, redis: str | None) -> None:
    """One worker."""
    config = uvicorn.Config(application(dify, key, redis), log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])


def main() -> None:
    parser = argparse.ArgumentParser(description="A chat page whose answer survives a reload.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--dify", help="the address of a Dify; without it, an emulator")
    parser.add_argument("--key", default="app-chatflow")
    parser.add_argument("--redis", help="redis://host: where several workers keep the streams")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    if options.workers > 1 and options.redis is None:
        parser.error("several workers need --redis")
    dify, emulator = options.dify, DifyEmulator(token_pause=0.1)
    if dify is None:
        dify = emulator.start().base_url
    listener = socket.create_server(("127.0.0.1", options.port))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    spawning = multiprocessing.get_context("spawn")
    arguments = (listener, dify, options.key, options.redis)
    workers = [spawning.Process(target=serve, args=arguments) for _ in range(options.workers)]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:
        pass
    finally:
        for worker in workers:
            worker.terminate()
        emulator.close()


if __name__ == "__main__":
    main()
