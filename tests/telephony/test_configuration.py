"""What Asterisk is given to read follows the settings, and no setting can say more than it should."""

from pathlib import Path

import pytest

from hotline.process import NotConfigured
from hotline.settings import Asterisk, Settings
from hotline.telephony import configuration
from tests.telephony.asterisk import kit

EVERYWHERE = "0.0.0.0"  # noqa: S104 -- written, not listened on


def test_the_demo_cannot_be_told_to_call_the_police(tmp_path: Path) -> None:
    for demo in (True, False):
        settings = Settings(data_dir=tmp_path, demo=demo, asterisk=Asterisk(emergency_trunk=True, trunk_addresses=["127.0.0.2"]))
        configuration.render(settings, kit(), tmp_path / f"{demo}")

    dialled = "exten => 110,1,Set(CHANNEL(language)=zh)\n same => n,Set(CALLERID"
    assert dialled not in (tmp_path / "True" / "etc" / "extensions.conf").read_text()
    assert dialled in (tmp_path / "False" / "etc" / "extensions.conf").read_text()


def test_the_demo_answers_on_loopback_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, demo=True, asterisk=Asterisk(bind="192.0.2.1"))

    with pytest.raises(NotConfigured, match="loopback"):
        configuration.render(settings, kit(), tmp_path / "asterisk")


def test_in_a_container_everything_listens_for_the_others_and_audio_goes_to_the_outer_address(tmp_path: Path) -> None:
    group = Asterisk(
        host="asterisk", bind=EVERYWHERE, agi_host="ivr", media_address="192.0.2.7", trunk_addresses=["198.51.100.0/24"]
    )
    configuration.render(Settings(data_dir=tmp_path, asterisk=group), kit(), tmp_path)
    written = {name: (tmp_path / "etc" / f"{name}.conf").read_text() for name in ("pjsip", "manager", "extensions", "rtp")}

    assert "bindaddr = 0.0.0.0" in written["manager"]
    assert "AGI = agi://ivr:5073" in written["extensions"]
    assert "=> 192.0.2.7" in written["rtp"]
    assert "external_media_address = 192.0.2.7" in written["pjsip"]
    assert "bind_rtp_to_media_address" not in written["pjsip"]
    assert "match = 198.51.100.0/24" in written["pjsip"]


def test_phones_may_be_reached_from_elsewhere_while_ami_stays_on_loopback(tmp_path: Path) -> None:
    configuration.render(Settings(data_dir=tmp_path, asterisk=Asterisk(bind="192.0.2.7")), kit(), tmp_path)

    assert "bindaddr = 127.0.0.1" in (tmp_path / "etc" / "manager.conf").read_text()
    assert "match = " not in (tmp_path / "etc" / "pjsip.conf").read_text()  # no carrier but the demo's comes by itself


@pytest.mark.parametrize("name", ["general", "two words", "x]\n[y"])
def test_some_names_are_no_queues(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a queue"):
        configuration.QueueConfig(name)


@pytest.mark.parametrize("value", ["127.0.0.1\nsecret = x", "sip:a;b"])
def test_a_setting_cannot_add_a_line_to_a_configuration(value: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Asterisk(trunk_contact=value)
