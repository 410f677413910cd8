"""The modules that Asterisk loads, and no other: nothing here runs programs of the machine (no app_system, no func_shell)."""

from pathlib import Path

REQUIRED = tuple(
    """
    res_pjproject res_sorcery_config res_sorcery_memory res_sorcery_astdb res_timing_timerfd res_rtp_asterisk
    res_srtp res_crypto res_http_websocket res_pjsip res_pjsip_pubsub res_pjsip_session
    res_pjsip_authenticator_digest res_pjsip_outbound_authenticator_digest res_pjsip_endpoint_identifier_user
    res_pjsip_endpoint_identifier_ip res_pjsip_registrar res_pjsip_sdp_rtp res_pjsip_caller_id res_pjsip_nat
    res_pjsip_rfc3326 res_pjsip_dtmf_info res_pjsip_refer res_pjsip_header_funcs res_pjsip_dlg_options
    res_pjsip_empty_info res_pjsip_path res_pjsip_transport_websocket chan_pjsip
    bridge_simple bridge_native_rtp bridge_softmix bridge_holding bridge_builtin_features
    pbx_config app_dial app_queue app_playback app_mixmonitor app_read app_record app_stack app_verbose app_userevent
    app_exec app_celgenuserevent app_originate app_softhangup app_chanspy app_senddtmf app_playtones app_echo app_bridgewait
    app_while app_db app_cdr app_if app_channelredirect app_confbridge app_bridgeaddchan
    res_speech res_agi res_musiconhold res_security_log
    func_uri func_base64 func_callerid func_channel func_cdr func_db func_strings func_logic func_timeout func_hangupcause
    func_global func_math func_env func_cut func_uuid func_groupcount func_pjsip_endpoint func_pjsip_aor func_pjsip_contact
    func_devstate func_periodic_hook func_dialplan func_rand
    codec_ulaw codec_alaw codec_a_mu codec_g722 codec_resample format_wav format_pcm format_sln
    cdr_csv cdr_manager cel_custom cel_manager
    """.split()  # noqa: SIM905 -- one name a line would be three pages
)

# Parts that some releases keep inside another module, or some distributions in another package.
WHERE_PRESENT = ("res_websocket_client", "res_cdrel_custom", "codec_opus_open_source")


def present(folder: Path) -> list[str]:
    """What is loaded from this module folder, in order."""
    return [*(name for name in WHERE_PRESENT if _file(folder, name).exists()), *REQUIRED]


def missing(folder: Path) -> list[str]:
    return [name for name in REQUIRED if not _file(folder, name).exists()]


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.so"
