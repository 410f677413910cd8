// The telephone itself: registers, rings, speaks, holds, transfers. Knows no page; whoever uses it listens to `onchange` and asks.
//
// One call at a time, and a second one only to ask somebody before a transfer. States: off, signing-in, ready, lost, ringing, calling,
// talking, asking (the other party waits).
window.Softphone = class Softphone {
  static UNHEARD = "麦克风断开了，对方听不到您。";

  constructor({ credentials, renew, audio, onchange }) {
    this.audio = audio;
    this.onchange = onchange;
    this.renew = renew;
    this.session = null;
    this.second = null;
    this.fresh = [];
    this.state = "signing-in";
    this.problem = "";
    this.connect(credentials);
  }

  connect({ extension, secret, realm, domain, socket }) {
    this.extension = extension;
    this.domain = domain;
    this.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(socket)],
      uri: `sip:${extension}@${domain}`,
      password: secret,
      realm,
      register_expires: 60,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 8,
      user_agent: "hotline",
    });
    this.ua.on("registered", () => this.isBack());
    this.ua.on("unregistered", () => this.session || this.become("lost"));
    this.ua.on("registrationFailed", ({ cause }) => this.tryAgain(cause));
    this.ua.on("disconnected", () => this.cutOff());
    this.ua.on("newRTCSession", (event) => this.meet(event));
    this.ua.start();
  }

  // The sound goes on without the socket; what rings cannot be answered any more, and its end would not be told.
  cutOff() {
    this.wasCut = this.busy;
    if (!this.session) this.become("lost");
    else if (this.state === "ringing") this.session.terminate();
    else this.tell();
  }

  // The exchange tells the end of a call where it was spoken with last: it is told of the new socket, and says if the call has ended.
  isBack() {
    this.refusals = 0;
    if (this.wasCut) for (const session of [this.session, this.second]) session?.renegotiate();
    this.wasCut = false;
    this.become(this.session ? this.state : "ready");
  }

  // The secret reaches the exchange a moment after it reached this page; a secret that was revoked is asked for again.
  tryAgain(cause) {
    if (this.session) return;
    this.become("lost");
    this.refusals = (this.refusals || 0) + 1;
    if (cause !== "Authentication Error" && cause !== "Rejected") return;
    if (this.refusals % 5) setTimeout(() => this.ua.isConnected() && this.ua.register(), 400);
    else this.renew();
  }

  replace(credentials) {
    this.ua.stop();
    this.connect(credentials);
  }

  become(state) {
    this.state = state;
    this.tell();
  }

  tell() {
    this.onchange(this);
  }

  get connected() { return this.ua.isConnected() && this.ua.isRegistered(); }
  get held() { return Boolean(this.session?.isOnHold().local); }
  get muted() { return Boolean(this.session?.isMuted().audio); }
  get busy() { return Boolean(this.session); }

  meet({ session, originator, request }) {
    if (originator === "local") return;
    if (this.session) {
      session.terminate({ status_code: 486 });
      return;
    }
    this.adopt(session);
    this.caller = request.from.uri.user;
    this.become("ringing");
    this.audio.ring();
  }

  adopt(session) {
    this.session = session;
    this.since = null;
    this.problem = "";
    this.follow(session);
    session.on("accepted", () => this.begin());
    session.on("confirmed", () => this.begin());
    session.on("ended", () => this.end(""));
    session.on("failed", ({ cause }) => this.end(cause));
    for (const change of ["hold", "unhold", "muted", "unmuted"]) session.on(change, () => this.tell());
  }

  follow(session) {
    const hear = (connection) => {
      this.audio.listen(connection);
      connection.addEventListener("connectionstatechange", () => {
        const bad = ["failed", "disconnected"].includes(connection.connectionState);
        this.problem = bad ? "通话的声音断了，正在恢复。" : "";
        this.tell();
      });
    };
    if (session.connection) hear(session.connection);
    else session.on("peerconnection", ({ peerconnection }) => hear(peerconnection));
  }

  begin() {
    this.audio.quiet();
    if (this.since) return;
    this.since = Date.now();
    this.listenToMicrophone();
    this.become("talking");
  }

  sender(session) {
    return session?.connection?.getSenders().find(({ track }) => track?.kind === "audio");
  }

  listenToMicrophone() {
    const track = this.sender(this.session)?.track;
    if (!track) return;
    this.audio.speakThrough(new MediaStream([track]));
    track.addEventListener("ended", () => { this.problem = Softphone.UNHEARD; this.tell(); this.speakAgain(); });
  }

  // A microphone that was pulled out never sounds again: once it is back, or another one is chosen, the call gets a track of that.
  async speakAgain({ anew = false } = {}) {
    const isWanted = () => this.since && (anew || this.sender(this.session)?.track.readyState === "ended");
    const fresh = isWanted() && await this.audio.microphone().catch(() => null);
    if (!fresh) return;
    if (isWanted()) {
      const senders = [this.session, this.second].map((session) => this.sender(session)).filter(Boolean);
      await Promise.all(senders.map((sender) => this.swap(sender, fresh.clone())));
      this.listenToMicrophone();
      if (this.problem === Softphone.UNHEARD) this.problem = "";
      this.tell();
    }
    fresh.stop();
  }

  // Muted and held stay so.
  swap(sender, track) {
    this.fresh.push(track);
    track.enabled = sender.track.enabled;
    sender.track.stop();
    return sender.replaceTrack(track);
  }

  end(cause) {
    this.audio.quiet();
    this.audio.over();
    this.second?.terminate();
    this.second = null;
    this.session = null;
    this.since = null;
    for (const track of this.fresh.splice(0)) track.stop();
    this.problem = cause === JsSIP.C.causes.USER_DENIED_MEDIA_ACCESS ? "麦克风打不开，刚才的来电没有接起。" : "";
    this.become(this.connected ? "ready" : "lost");
  }

  answer() {
    if (this.state !== "ringing") return;
    this.audio.quiet();
    this.session.answer({ mediaConstraints: this.audio.constraints(), pcConfig: { iceServers: [] } });
  }

  hangUp() {
    if (this.second) this.cancelAsking();
    else this.session?.terminate(this.state === "ringing" ? { status_code: 486 } : {});
  }

  hold() {
    if (!this.since) return;
    if (this.held) this.session.unhold(); else this.session.hold();
  }

  mute() {
    if (!this.since) return;
    if (this.muted) this.session.unmute({ audio: true }); else this.session.mute({ audio: true });
  }

  press(key) {
    if (this.since) this.session.sendDTMF(key, { transportType: "RFC2833" });
  }

  uriOf(extension) { return `sip:${extension}@${this.domain}`; }

  // Hand the caller on at once. Only what Asterisk accepted ends our part; refused, the caller is still here.
  transfer(extension) {
    if (!this.since) return;
    const session = this.session;
    session.refer(this.uriOf(extension), {
      eventHandlers: {
        accepted: () => session.terminate(),
        failed: () => { this.problem = "没有转成，来电人还在线上。"; this.tell(); },
        requestFailed: () => { this.problem = "没有转成，来电人还在线上。"; this.tell(); },
      },
    });
  }

  // Ask first: the caller hears music, the colleague is rung.
  ask(extension) {
    if (!this.since || this.second) return;
    this.session.hold();
    this.second = this.ua.call(this.uriOf(extension), { mediaConstraints: this.audio.constraints(), pcConfig: { iceServers: [] } });
    this.follow(this.second);
    this.second.on("failed", () => this.back("对方没有接听。"));
    this.second.on("ended", () => this.back(""));
    this.become("asking");
  }

  handOver() {
    if (!this.second?.isEstablished()) return;
    this.session.refer(this.second.remote_identity.uri, { replaces: this.second });
  }

  cancelAsking() {
    this.second?.terminate();
  }

  back(problem) {
    this.second = null;
    if (!this.session) return;
    this.problem = problem;
    if (this.held) this.session.unhold();
    this.become("talking");
  }

  stop() {
    this.ua.unregister({ all: true });
    this.ua.stop();
    this.become("off");
  }
};
