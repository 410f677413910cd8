// Sound of the softphone: ringing, the devices that were chosen, and how loud each side is.
window.phoneAudio = (() => {
  "use strict";
  const CHOICES = { microphone: "audioinput", speaker: "audiooutput", ringer: "audiooutput" };
  // The country's ringing, one second on and four off (GF 002-9002).
  const RING = { frequency: 450, on: 1, every: 5 };
  const TRIAL = 10000;
  const remote = new Audio();
  remote.autoplay = true;
  let context = null;
  let ringing = null;
  const meters = { microphone: null, speaker: null };

  const chosen = (what) => hotline.kept(`phone-${what}`) || "";

  function sound() {
    context = context || new AudioContext();
    if (context.state === "suspended") context.resume();
    return context;
  }

  async function to(element, what) {
    if (element.setSinkId && chosen(what)) await element.setSinkId(chosen(what)).catch(() => hotline.keep(`phone-${what}`, ""));
  }

  async function ring() {
    if (ringing) return;
    const player = sound();
    const out = player.createMediaStreamDestination();
    const tone = player.createOscillator();
    const loudness = player.createGain();
    tone.frequency.value = RING.frequency;
    loudness.gain.value = 0;
    tone.connect(loudness).connect(out);
    const beat = () => {
      loudness.gain.setTargetAtTime(0.25, player.currentTime, 0.02);
      loudness.gain.setTargetAtTime(0, player.currentTime + RING.on, 0.02);
    };
    const bell = new Audio();
    bell.srcObject = out.stream;
    ringing = { tone, bell, timer: setInterval(beat, RING.every * 1000) };
    await to(bell, "ringer");
    bell.play().catch(() => { /* no gesture on this page yet: the notification tells */ });
    tone.start();
    beat();
  }

  function quiet() {
    if (!ringing) return;
    clearInterval(ringing.timer);
    ringing.tone.stop();
    ringing.bell.srcObject = null;
    ringing = null;
  }

  function constraints() {
    const device = chosen("microphone");
    return { audio: device ? { deviceId: { ideal: device } } : true, video: false };
  }

  async function microphone() {
    const stream = await navigator.mediaDevices.getUserMedia(constraints());
    return stream.getAudioTracks()[0];
  }

  // 0 to 1, of the last moment.
  function level(stream) {
    const player = sound();
    const source = player.createMediaStreamSource(stream);
    const analyser = player.createAnalyser();
    analyser.fftSize = 512;
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    return {
      now() {
        analyser.getFloatTimeDomainData(samples);
        return Math.min(1, 4 * Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length));
      },
      end() { source.disconnect(); },
    };
  }

  function listen(connection) {
    connection.addEventListener("track", (event) => {
      remote.srcObject = event.streams[0] || new MediaStream([event.track]);
      to(remote, "speaker");
      meters.speaker?.end();
      meters.speaker = level(remote.srcObject);
    });
  }

  function speakThrough(stream) {
    meters.microphone?.end();
    meters.microphone = level(stream);
  }

  // Before a call: for a while the meter shows what the microphone hears, and nobody else hears it.
  async function tryOut() {
    const stream = await navigator.mediaDevices.getUserMedia(constraints());
    speakThrough(stream);
    const mine = meters.microphone;
    setTimeout(() => {
      stream.getTracks().forEach((track) => track.stop());
      if (meters.microphone !== mine) return;
      mine.end();
      meters.microphone = null;
    }, TRIAL);
  }

  function levels() {
    return { microphone: meters.microphone?.now() ?? 0, speaker: meters.speaker?.now() ?? 0 };
  }

  function over() {
    for (const side of Object.keys(meters)) {
      meters[side]?.end();
      meters[side] = null;
    }
    remote.srcObject = null;
  }

  // Fills the lists of devices; asks for the microphone once, for names are hidden before.
  async function fill(selects) {
    const devices = await navigator.mediaDevices.enumerateDevices();
    for (const [what, select] of Object.entries(selects)) {
      const known = devices.filter((device) => device.kind === CHOICES[what] && device.deviceId !== "default");
      select.replaceChildren(new Option("系统默认", ""), ...known.map((device, n) => new Option(device.label || `设备 ${n + 1}`, device.deviceId)));
      select.value = known.some((device) => device.deviceId === chosen(what)) ? chosen(what) : "";
      select.onchange = () => {
        hotline.keep(`phone-${what}`, select.value);
        if (what === "speaker") to(remote, what);
      };
    }
  }

  // Whether there is a microphone that this page may use: "", or what is wrong.
  async function check() {
    if (!navigator.mediaDevices) return "浏览器只允许加密页面（https）或本机使用麦克风。";
    try {
      const stream = await navigator.mediaDevices.getUserMedia(constraints());
      stream.getTracks().forEach((track) => track.stop());
      return "";
    } catch (error) {
      return error.name === "NotAllowedError" ? "浏览器没有允许使用麦克风，请在地址栏里允许。" : "找不到可用的麦克风，请插好耳麦。";
    }
  }

  return { ring, quiet, constraints, microphone, listen, speakThrough, tryOut, levels, over, fill, check, get ringing() { return Boolean(ringing); } };
})();
