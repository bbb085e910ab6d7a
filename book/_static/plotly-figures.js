// Draws the plotly figures of a page from the JSON beside them; frames get a real <input type=range>, which the keyboard reaches.
(function () {
  "use strict";

  function slider(place, frames, meta) {
    const label = document.createElement("label"), bar = document.createElement("input"), out = document.createElement("output");
    const name = meta.slider || "frame";
    label.className = "ibias-slider";
    Object.assign(bar, { type: "range", min: 0, max: frames.length - 1, step: 1, value: meta.start || 0 });
    function move() {
      const frame = frames[Number(bar.value)];
      out.textContent = name + " = " + frame.name;
      return Plotly.animate(place, [frame.name], { mode: "immediate", transition: { duration: 0 }, frame: { duration: 0, redraw: true } });
    }
    bar.setAttribute("aria-label", name);
    bar.addEventListener("input", move);
    label.append(bar, out);
    place.after(label);
    return move();
  }

  async function draw(place) {
    const spec = JSON.parse(document.querySelector('script[data-plotly-for="' + place.id + '"]').textContent);
    const config = Object.assign({}, spec.config, { responsive: true, displaylogo: false });
    delete config.plotlyServerURL;
    await Plotly.newPlot(place, spec.data, spec.layout || {}, config);
    if (spec.frames && spec.frames.length) {
      await Plotly.addFrames(place, spec.frames);
      await slider(place, spec.frames, (spec.layout && spec.layout.meta) || {});
    }
    place.dataset.ready = "1";
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("div.ibias-plotly").forEach(draw));
})();
