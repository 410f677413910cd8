// A short soft tone: something new to look at, no alarm.
(() => {
  "use strict";
  let player = null;

  hotline.chime = () => {
    player = player || new AudioContext();
    // Before the first key or click a page may not be heard.
    if (player.state === "suspended") player.resume();
    const tone = player.createOscillator();
    const loudness = player.createGain();
    tone.frequency.value = 880;
    loudness.gain.setValueAtTime(0.08, player.currentTime);
    loudness.gain.exponentialRampToValueAtTime(0.001, player.currentTime + 0.4);
    tone.connect(loudness).connect(player.destination);
    tone.start();
    tone.stop(player.currentTime + 0.4);
  };
})();
