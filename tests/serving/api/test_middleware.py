"""Tests of allowed origins, hosts and sizes of requests."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from serving.api.middleware import Guard, answer_failures


async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse("in")(scope, receive, send)


def ask(guard, method="GET", host="127.0.0.1:8000", **more):
    async def asked():
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, "/pacs/studies", **more)

    # In a thread of its own: a browser that another test drives has an event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asked()).result()


def test_the_own_page_and_programs_may_ask():
    assert ask(Guard(app)).text == "in"
    own = ask(Guard(app), headers={"Origin": "http://127.0.0.1:8000"})
    assert own.text == "in"
    assert own.headers["access-control-allow-origin"] == "http://127.0.0.1:8000"


def test_a_foreign_page_reads_a_refusal_and_nothing_else():
    foreign = ask(Guard(app), headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403
    assert foreign.headers["access-control-allow-origin"] == "*"
    assert foreign.json()["detail"] == ("origin: expected one of MONAI_LABEL_CORS_ORIGINS, got 'http://evil.example'")


def test_a_page_that_is_named_may_ask_and_others_may_not():
    guard = Guard(app, origins=["https://viewer.example/"])
    assert ask(guard, headers={"Origin": "https://viewer.example"}).text == "in"
    assert ask(guard, headers={"Origin": "http://localhost:3000"}).status_code == 403
    asked_first = ask(guard, "OPTIONS", headers={"Origin": "https://viewer.example"})
    assert asked_first.headers["access-control-allow-origin"] == "https://viewer.example"


def test_a_name_that_is_not_the_servers_is_refused():
    assert ask(Guard(app), host="rebound.example").status_code == 421
    assert ask(Guard(app, hosts=["rebound.example"]), host="rebound.example").text == "in"
    assert ask(Guard(app), host="[::1]:8000").text == "in"
    assert ask(Guard(app), host="127.0.0.1.evil.example").status_code == 421


def test_a_body_that_says_it_is_too_large_is_not_read():
    told = ask(Guard(app, largest=10), "POST", content=b"x" * 11)
    assert told.status_code == 413
    assert told.json()["detail"] == "request: expected at most 10 bytes, got 11 or more"


def test_a_fault_is_answered_in_a_sentence_and_its_text_gets_into_no_log(caplog):
    faulty, patient = FastAPI(), "Doe^Jane"
    answer_failures(faulty)

    @faulty.get("/pacs/studies")
    def fail() -> None:
        raise KeyError(patient)

    answer = ask(Guard(faulty), headers={"Origin": "http://localhost"})
    assert answer.status_code == 500
    assert answer.json()["detail"] == "the server failed (KeyError); its log says more"
    assert answer.headers["access-control-allow-origin"] == "http://localhost"
    assert "KeyError in a request" in caplog.text
    assert "Doe" not in caplog.text


def test_a_body_that_does_not_say_how_large_it_is_is_counted():
    async def pieces():
        for _ in range(5):
            yield b"xxxx"

    with pytest.raises(ValueError, match="expected at most 10 bytes, got 12 or more"):
        ask(Guard(app, largest=10), "POST", content=pieces())
