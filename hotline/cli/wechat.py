"""The WeChat official account from the command line: does it work, its menu, its templates."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping

from hotline import channels
from hotline.channels.wechat_account import Template, account
from hotline.channels.wechat_api import Api, NotSent, Refused, Unclear
from hotline.cli import beside
from hotline.settings import Settings

HINTS = {
    40013: "HOTLINE_WECHAT__APP_ID is not this account's",
    40125: "HOTLINE_WECHAT__APP_SECRET is wrong, or was made anew since",
    40164: "this machine's address is not on the account's list (公众平台 → 设置与开发 → IP 白名单)",
    48001: "the account has no permission for this; it needs to be a certified service account (已认证服务号)",
    45009: "the calls of this day are used up",
}
MISSING = "missing: pick one at WeChat (公众平台), or write its number in the library into reference/wechat.yaml"
# Where the templates of a kind are listed, and how the answer names them.
LISTED = {
    "template": ("/cgi-bin/template/get_all_private_template", "template_list", "template_id"),
    "subscribe": ("/wxaapi/newtmpl/gettemplate", "data", "priTmplId"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("check", help="what is configured, and whether WeChat answers")
    what.add_parser("menu", help="put the menu of reference/wechat.yaml into force")
    what.add_parser("templates", help="find or add the templates of reference/wechat.yaml; print the setting with their ids")


def run(arguments: argparse.Namespace) -> int:
    settings = beside.prepare()
    api = Api(settings.wechat, channels.tokens)
    acts: Mapping[str, Callable[[Settings, Api], int]] = {"check": _check, "menu": _menu, "templates": _templates}
    if arguments.what != "check" and not api.is_configured:
        print("HOTLINE_WECHAT__APP_ID and HOTLINE_WECHAT__APP_SECRET are not set.", file=sys.stderr)
        return 1
    try:
        return acts[arguments.what](settings, api)
    except Refused as error:
        print(f"WeChat refuses: {error}{_hint(error)}", file=sys.stderr)
    except (NotSent, Unclear) as error:
        reason = error.__cause__ if isinstance(error.__cause__, Refused) else None
        print(f"WeChat cannot be asked: {error}{_hint(reason)}", file=sys.stderr)
    return 1


def _hint(error: Refused | None) -> str:
    known = HINTS.get(error.code) if error else None
    return f"\n{known}." if known else ""


def _check(settings: Settings, api: Api) -> int:
    wechat = settings.wechat
    is_safe = wechat.aes_key is not None and bool(wechat.aes_key.get_secret_value())
    has_token = wechat.token is not None and bool(wechat.token.get_secret_value())
    missing = [purpose for purpose in account().templates if purpose not in wechat.templates]
    _say("callback address", f"{settings.public_url}/api/channels/wechat")
    _say("token", "set" if has_token else "not set: every callback is refused")
    _say("mode", "safe (安全模式)" if is_safe else "plain (明文模式): the signature does not cover what a citizen writes")
    _say("templates", f"none for {', '.join(missing)}: nothing of that reaches WeChat after 48 hours" if missing else "all there")
    if is_safe and not wechat.app_id:
        _say("app id", "not set: in safe mode every callback is refused")
    if api.is_configured:
        api.get("/cgi-bin/get_api_domain_ip")
        _say("sending", f"WeChat answers at {wechat.base_url}")
    else:
        _say("sending", "off: HOTLINE_WECHAT__APP_ID and HOTLINE_WECHAT__APP_SECRET are not set")
    return 0 if has_token and (wechat.app_id or not is_safe) else 1


def _say(what: str, found: str) -> None:
    print(f"{what:18}{found}")


def _menu(settings: Settings, api: Api) -> int:
    menu = account().menu_for(settings.public_url)
    api.post("/cgi-bin/menu/create", menu)
    for button in menu["button"]:
        for each in (button, *button.get("sub_button", ())):
            print(f"{each['name']}  {each.get('url') or each.get('key', '')}".rstrip())
    print("The menu is in force; telephones show it within a few minutes.")
    return 0


def _templates(_: Settings, api: Api) -> int:
    wanted = account().templates
    there = {kind: _titles(api, kind) for kind in dict.fromkeys(each.kind for each in wanted.values())}
    ids = {}
    for purpose, template in wanted.items():
        known, said = there[template.kind].get(template.title), "there"
        if known is None and template.short_id and template.kind == "template":
            known, said = _add(api, template), "added"
            there[template.kind][template.title] = known
        if known is not None:
            ids[purpose] = known
        _say(purpose, f"{template.title}  {said if known else MISSING}")
    print(f"HOTLINE_WECHAT__TEMPLATES={json.dumps(ids)}")
    return 0 if len(ids) == len(wanted) else 1


def _titles(api: Api, kind: str) -> dict[str, str]:
    path, listed, name = LISTED[kind]
    return {str(each["title"]): str(each[name]) for each in api.get(path).get(listed, [])}


def _add(api: Api, template: Template) -> str:
    body = {"template_id_short": template.short_id, "keyword_name_list": template.keywords}
    return str(api.post("/cgi-bin/template/api_add_template", body)["template_id"])
