"""One request at a time, as somebody who has signed in."""

from http.cookies import SimpleCookie

from bench.form import read_form
from bench.load import Answer, closed_loop, request
from bench.service import PASSWORD, Service


def sign_in(running: Service, username: str) -> str:
    """The cookies of somebody who has signed in."""
    form = read_form(get(running, "/login", "").body.decode(), "sign-in", at="/login")
    filled = {"username": username, "password": PASSWORD}
    answer = ask(running, request("POST", form.action, content=form.body(filled)))
    cookies: SimpleCookie = SimpleCookie()
    for line in answer.head.split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "set-cookie":
            cookies.load(value)
    assert cookies, f"no sign-in for {username}: {answer.status}"
    return "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())


def get(running: Service, path: str, cookie: str) -> Answer:
    return ask(running, request("GET", path, headers={"Cookie": cookie}))


def ask(running: Service, content: bytes) -> Answer:
    return closed_loop(running.port, [content], connections=1).answers[0]
