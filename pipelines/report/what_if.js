"use strict";
/* Decides and values anew for other unit costs. The run made the tables: what is missed and left over per group and week for every
   critical ratio cost(missed) / (cost(missed) + cost(left)), and both unit costs as a base and a slope per slider. */
(function () {
  const data = JSON.parse(document.getElementById("what-if-data").textContent);
  const box = document.getElementById("what-if");
  const lang = document.documentElement.lang;
  const inputs = {};
  data.controls.forEach(function (control) { inputs[control.name] = document.getElementById("what-if-" + control.name); });
  const service = document.getElementById("what-if-service");

  function costs(group, change) {
    return group.map(function (unit) {
      return Object.keys(unit.slopes).reduce(function (sum, name) { return sum + unit.slopes[name] * change[name]; }, unit.base);
    });
  }

  function at(ratio) {  // place between two ratios of the table
    const all = data.ratios, last = all.length - 1;
    let low = 0;
    while (low < last - 1 && all[low + 1] <= ratio) { low += 1; }
    return [low, Math.min(1, Math.max(0, (ratio - all[low]) / (all[low + 1] - all[low])))];
  }

  function valued(change, level) {
    const weeks = data.usual[0][0].length, saved = new Array(weeks).fill(0);
    let usual = 0, plan = 0, perfect = 0, missed = 0, left = 0, possible = true;
    data.costs.forEach(function (group, g) {
      const cost = costs(group, change);
      if (!(cost[0] > 0 && cost[1] > 0)) { possible = false; return; }
      const place = at(level === null ? cost[0] / (cost[0] + cost[1]) : level), k = place[0], share = place[1];
      const sure = at(cost[0] / (cost[0] + cost[1]));
      for (let w = 0; w < weeks; w += 1) {
        const m = data.plan[k][0][g][w] * (1 - share) + data.plan[k + 1][0][g][w] * share;
        const l = data.plan[k][1][g][w] * (1 - share) + data.plan[k + 1][1][g][w] * share;
        const was = data.usual[0][g][w] * cost[0] + data.usual[1][g][w] * cost[1], is = m * cost[0] + l * cost[1];
        usual += was; plan += is; missed += m; left += l; saved[w] += was - is;
      }
      [0, 1].forEach(function (kind) {
        perfect += cost[kind] * (data.perfect[sure[0]][kind][g] * (1 - sure[1]) + data.perfect[sure[0] + 1][kind][g] * sure[1]);
      });
    });
    return { possible: possible, usual: usual, plan: plan, perfect: perfect, missed: missed, left: left, weeks: saved };
  }

  function interval(weeks) {  // weeks drawn with replacement, 1000 times, always the same draws
    let state = 20240229;
    function random() { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state / 4294967296; }
    const sums = [];
    for (let draw = 0; draw < 1000; draw += 1) {
      let sum = 0;
      for (let w = 0; w < weeks.length; w += 1) { sum += weeks[Math.floor(random() * weeks.length)]; }
      sums.push(sum);
    }
    sums.sort(function (a, b) { return a - b; });
    return [sums[25], sums[974]];
  }

  function shown(value, digits) { return value.toLocaleString(lang, { maximumFractionDigits: digits, minimumFractionDigits: digits }); }

  function update() {
    const change = {};
    data.controls.forEach(function (control) {
      change[control.name] = Number(inputs[control.name].value);
      document.getElementById("what-if-" + control.name + "-value").textContent = shown(change[control.name], control.step < 1 ? 2 : 0);
    });
    const level = Number(service.value) > 0 ? Number(service.value) / 100 : null;
    document.getElementById("what-if-service-value").textContent = level === null ? box.dataset.auto : shown(100 * level, 0);
    const found = valued(change, level), week = 7 / data.days, bounds = interval(found.weeks), saved = found.usual - found.plan;
    window.musterwerkWhatIf = { saved: saved, low: bounds[0], high: bounds[1], possible: found.possible, usual: found.usual, plan: found.plan,
      perfect: found.perfect, captured: saved / (found.usual - found.perfect), missed: found.missed, left: found.left };
    const text = found.possible ? box.dataset.said.replace("{saved}", shown(saved * week, 0)).replace("{low}", shown(bounds[0] * week, 0))
      .replace("{high}", shown(bounds[1] * week, 0)).replace("{share}", shown(100 * saved / (found.usual - found.perfect), 0))
      .replace("{left}", shown(found.left * week, 0)).replace("{missed}", shown(found.missed * week, 0)) : box.dataset.impossible;
    document.getElementById("what-if-said").textContent = text;
  }

  Object.keys(inputs).forEach(function (name) { inputs[name].addEventListener("input", update); });
  service.addEventListener("input", update);
  document.getElementById("what-if-reset").addEventListener("click", function () {
    data.controls.forEach(function (control) { inputs[control.name].value = control.start; });
    service.value = 0;
    update();
  });
  box.hidden = false;
  update();
}());
