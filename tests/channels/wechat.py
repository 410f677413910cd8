"""The stand-in of WeChat and our channel put together, over real sockets one way and through the public door the other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx
import uvicorn
from fastapi.testclient import TestClient
from pydantic import Secret, SecretStr

from hotline import channels
from hotline.channels.wechat import Wechat
from hotline.sandbox.wechat import Wechat as StandIn
from hotline.sandbox.wechat_callbacks import Account, Callback
from hotline.settings import Wechat as Settings
from tests.components import free_port, wait_until

PATH = "/api/channels/wechat"
TOKEN = "a token of the tests"
APP_ID = "wx5823bf96d3bd56c7"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
SECRET = "a secret of the tests"
PLAIN = Account(PATH, TOKEN, APP_ID, SECRET)
SAFE = replace(PLAIN, aes_key=AES_KEY)
# In the demo city, in the first grid of 滨江社区: 300 m east and 6,500 m north of the origin.
LATITUDE, LONGITUDE, GRID = 35.05839, 110.00329, "990181001001001"


def settings_for(account: Account, *, base_url: str = "http://127.0.0.1:9", **more: object) -> Settings:
    return Settings(
        token=SecretStr(account.token),
        aes_key=Secret(account.aes_key),
        app_id=account.app_id,
        app_secret=SecretStr(account.app_secret),
        base_url=base_url,
        **more,
    )


def channel_for(account: Account, **more: object) -> Wechat:
    return Wechat(settings_for(account, **more), channels.tokens)  # type: ignore[arg-type]


@dataclass
class Door:
    """Delivers callbacks to the service's public door, and remembers them."""

    client: TestClient

    def __post_init__(self) -> None:
        self.delivered: list[Callback] = []

    def __call__(self, url: str, body: bytes) -> int:
        self.delivered.append(Callback(url, body))
        return self.client.post(url, content=body, headers={"Content-Type": "text/xml"}).status_code

    def again(self) -> httpx.Response:
        last = self.delivered[-1]
        return self.client.post(last.url, content=last.body)  # type: ignore[return-value]


@contextmanager
def serving(stand_in: StandIn) -> Iterator[str]:
    """The address under which the stand-in answers calls."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(stand_in.app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, "the stand-in of WeChat")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
