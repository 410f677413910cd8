// Plays recordings: the outline of the sound to click into, muted stretches hatched, keys, speeds, the sides apart. Without this script the
// browser's own controls do. The outline is fetched when a recording is first looked at, its sound when it is first played.
(() => {
  "use strict";
  const STEP = 5;
  const words = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  class Player {
    constructor(figure) {
      this.figure = figure;
      this.audio = figure.querySelector("audio");
      this.canvas = figure.querySelector("canvas");
      this.button = figure.querySelector("[data-play]");
      this.at = figure.querySelector("[data-at]");
      this.seconds = Number(figure.dataset.seconds);
      this.muted = figure.dataset.muted.trim().split(" ").filter(Boolean).map((stretch) => stretch.split("-").map(Number));
      this.peaks = [];
      this.wanted = 0;
      this.wire();
      new ResizeObserver(() => this.draw()).observe(this.canvas);
      new IntersectionObserver((seen, watching) => {
        if (!seen.some((each) => each.isIntersecting)) return;
        watching.disconnect();
        this.fetchOutline();
      }).observe(this.canvas);
    }

    // Again after a refresh of the page around it, which brings back what the server drew.
    appear() {
      this.audio.hidden = true;
      this.figure.querySelector(".player").hidden = false;
      this.show();
    }

    wire() {
      const { audio, canvas, figure } = this;
      this.button.addEventListener("click", () => this.toggle());
      for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, () => this.show());
      audio.addEventListener("loadedmetadata", () => { audio.currentTime = this.wanted; });
      audio.addEventListener("timeupdate", () => this.show());
      audio.addEventListener("error", () => { figure.querySelector("[data-problem]").hidden = false; this.show(); });
      audio.addEventListener("playing", () => { figure.querySelector("[data-problem]").hidden = true; });
      canvas.addEventListener("click", (event) => this.seek((event.offsetX / canvas.clientWidth) * this.seconds));
      canvas.addEventListener("keydown", (event) => this.key(event));
      figure.querySelector("[data-speed]").addEventListener("change", (event) => { audio.playbackRate = audio.defaultPlaybackRate = Number(event.target.value); });
      figure.querySelector("[data-side]")?.addEventListener("change", (event) => this.choose(event.target.value));
    }

    toggle() {
      if (this.audio.paused) this.audio.play().catch(() => { /* told by its error event */ });
      else this.audio.pause();
    }

    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const now = this.place;
      const to = { ArrowLeft: now - STEP, ArrowRight: now + STEP, Home: 0, End: this.seconds }[event.key];
      if (event.key !== " " && to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === " ") this.toggle();
      else this.seek(to);
    }

    // Nothing is fetched before it is played: until then the place is only remembered.
    get place() {
      return this.audio.readyState > 0 ? this.audio.currentTime : this.wanted;
    }

    seek(seconds) {
      this.wanted = Math.max(0, Math.min(seconds, this.seconds));
      if (this.audio.readyState > 0) this.audio.currentTime = this.wanted;
      this.show();
    }

    choose(recording) {
      const { place, audio: { paused } } = this;
      this.figure.dataset.recording = recording;
      this.audio.src = `/recordings/${recording}`;
      const copy = this.figure.querySelector("[data-copy]");
      if (copy) copy.href = `/recordings/${recording}/copy`;
      this.fetchOutline();
      this.seek(place);
      if (!paused) this.toggle();
    }

    async fetchOutline() {
      const wanted = this.figure.dataset.recording;
      const answer = await fetch(`/recordings/${wanted}/waveform`);
      if (!answer.ok || wanted !== this.figure.dataset.recording) return;
      const told = await answer.json();
      this.peaks = told.peaks;
      this.seconds = told.seconds;
      this.draw();
    }

    show() {
      const now = this.place;
      this.button.setAttribute("aria-pressed", String(!this.audio.paused));
      this.at.textContent = words(now);
      this.canvas.setAttribute("aria-valuenow", String(Math.round(now)));
      this.canvas.setAttribute("aria-valuetext", `${words(now)}，共 ${words(this.seconds)}`);
      this.draw();
    }

    draw() {
      const { canvas, peaks, seconds } = this;
      const ratio = devicePixelRatio || 1;
      const width = Math.round(canvas.clientWidth * ratio);
      const height = Math.round(canvas.clientHeight * ratio);
      if (!width || !height) return;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const look = getComputedStyle(canvas);
      const pen = canvas.getContext("2d");
      pen.clearRect(0, 0, width, height);
      const played = (this.place / seconds) * width;
      const bar = width / peaks.length;
      peaks.forEach((peak, place) => {
        const high = Math.max(ratio, (peak / 100) * height);
        pen.fillStyle = place * bar < played ? look.getPropertyValue("--played") : look.color;
        pen.fillRect(place * bar, (height - high) / 2, Math.max(bar * 0.7, 0.5), high);
      });
      for (const [from, to] of this.muted) this.hatch(pen, (from / seconds) * width, (to / seconds) * width, height, ratio, look);
      pen.fillStyle = look.getPropertyValue("--played");
      pen.fillRect(Math.min(played, width - ratio), 0, ratio, height);
    }

    hatch(pen, from, to, height, ratio, look) {
      pen.save();
      pen.beginPath();
      pen.rect(from, 0, Math.max(to - from, 2 * ratio), height);
      pen.clip();
      pen.beginPath();
      pen.strokeStyle = look.getPropertyValue("--hatch");
      pen.lineWidth = ratio;
      for (let x = from - height; x < to + height; x += 6 * ratio) {
        pen.moveTo(x, height);
        pen.lineTo(x + height, 0);
      }
      pen.stroke();
      pen.restore();
    }
  }

  const players = new WeakMap();

  function begin() {
    for (const figure of document.querySelectorAll("figure[data-recording]")) {
      if (!players.has(figure)) players.set(figure, new Player(figure));
      players.get(figure).appear();
    }
  }

  begin();
  document.addEventListener("htmx:after:swap", begin);
})();
