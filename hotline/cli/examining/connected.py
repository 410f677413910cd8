"""What the service works with, however its database is: brokers, the classifier, providers, its own address."""

from collections.abc import Iterator

import redis

from hotline.channels import sms
from hotline.cli.examining.findings import Finding, Look, fail, ok, warn
from hotline.settings import Settings


def _broker(settings: Settings) -> Iterator[Finding]:
    yield _redis("broker", settings.celery.broker_url, "none: the relay runs what follows from events")


def _pushes(settings: Settings) -> Iterator[Finding]:
    yield _redis("redis", settings.redis.url, "none: pushes go over a socket in the data folder")


def _redis(what: str, url: str, without: str) -> Finding:
    if not url:
        return ok(what, without)
    if not url.startswith("redis"):
        return ok(what, "set, not looked at (not a Redis)")
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        return fail(what, f"does not answer: {error}", "start it, or mend its address in the settings")
    return ok(what, "answers")


def _model(settings: Settings) -> Iterator[Finding]:
    # Here, for it takes a second.
    from classifier import ModelUnusable, load

    try:
        yield ok("classifier", f"model {load(settings.model_dir, None).version}")
    except ModelUnusable as error:
        yield warn("classifier", str(error), "make train")


def _texts(settings: Settings) -> Iterator[Finding]:
    gateway = settings.sms.gateway
    if not gateway:
        yield warn(
            "sms", "no gateway: texts are printed on the console", "choose one with HOTLINE_SMS__GATEWAY (docs/channels.md)"
        )
    elif missing := sms.lacks(settings):
        yield fail("sms", f"{gateway} cannot send", f"set {', '.join(missing)}")
    else:
        yield ok("sms", f"sent by {gateway}")


def _wechat(settings: Settings) -> Iterator[Finding]:
    wechat = settings.wechat
    sends = bool(wechat.app_id and wechat.app_secret)
    if wechat.token is None and sends:
        yield warn("wechat", "sent, but nothing can be received", "set HOTLINE_WECHAT__TOKEN")
    elif wechat.token is None:
        yield ok("wechat", "not connected")
    elif not sends:
        remedy = "set HOTLINE_WECHAT__APP_ID and HOTLINE_WECHAT__APP_SECRET"
        yield warn("wechat", "received, but nothing can be sent", remedy)
    else:
        yield ok("wechat", "connected (`hotline wechat check` asks WeChat itself)")


def _police(settings: Settings) -> Iterator[Finding]:
    police = settings.police
    if bool(police.url) == (police.secret is not None):
        yield ok("police", "connected" if police.url else "not connected: only the voice goes to 110")
    else:
        lacking = "HOTLINE_POLICE__SECRET" if police.url else "HOTLINE_POLICE__URL"
        yield fail("police", "half connected: no order can go to 110", f"set {lacking}")


def _mail(settings: Settings) -> Iterator[Finding]:
    reads, sends = settings.mail.imap_url is not None, settings.mail.smtp_url is not None
    if reads and not sends:
        yield warn("mail", "read, but answers are printed on the console", "set HOTLINE_MAIL__SMTP_URL")
    else:
        yield ok("mail", "read and sent" if reads else "not read")


def _address(settings: Settings) -> Iterator[Finding]:
    is_https = settings.public_url.startswith("https:")
    if settings.demo or is_https:
        yield ok("address", settings.public_url)
    else:
        yield warn(
            "address", f"{settings.public_url} is not https", "put a proxy with TLS before it; set HOTLINE_WEB__PUBLIC_URL"
        )


LOOKS: tuple[Look, ...] = (_broker, _pushes, _model, _texts, _wechat, _mail, _police, _address)
