/**
 * @file Charts: the parts of ECharts in use, and one function per kind of chart. Loaded only by pages that draw.
 *
 * One colour means one thing on every page: the accent is the period in question, the dashed neutral line the period
 * before, the pale bars money. Nothing is animated.
 */
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

use([BarChart, LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

/** @typedef {(number | null)[]} Series  null is a gap */

/**
 * @typedef {object} TrendModel
 * @property {string[]} labels  may have two lines
 * @property {Series} current
 * @property {Series} previous
 * @property {Series | null} cost  bars on the second axis; null for none
 * @property {boolean} lastIsRunning  the last day isn't over yet
 * @property {boolean} whole  there are no halves of it, so the axis has none
 * @property {(value: number) => string} formatValue
 * @property {(value: number) => string} formatCost
 * @property {(index: number) => Node} tooltip  built as nodes: the content security policy allows no inline styles
 */

const POINTS_WITH_SYMBOLS = 14;

/**
 * The finished days, and from the last of them on to the one that is running: that one is no fall or rise yet, so its
 * line is dashed.
 * @param {TrendModel} model
 */
function splitRunning({ current, lastIsRunning }) {
  if (!lastIsRunning) return { finished: current, running: current.map(() => null) };
  const last = current.length - 1;
  return {
    finished: current.map((value, index) => (index === last ? null : value)),
    running: current.map((value, index) => (index >= last - 1 ? value : null)),
  };
}

/** @param {HTMLElement} element */
export function createTrendChart(element) {
  const chart = init(element);
  const watcher = new ResizeObserver(() => chart.resize());
  watcher.observe(element);
  return {
    /** @param {TrendModel} model */
    update(model) {
      // An animation paints all of it twenty times; the figures are there sooner without.
      chart.setOption(
        { ...trendOption(model, readColours(element)), animation: false },
        { replaceMerge: ['series', 'yAxis'] },
      );
    },

    /**
     * Points at one day, as the mouse would.
     * @param {number} index
     */
    point(index) {
      chart.dispatchAction({ type: 'showTip', seriesIndex: 0, dataIndex: index });
    },

    leave() {
      chart.dispatchAction({ type: 'hideTip' });
      chart.dispatchAction({ type: 'updateAxisPointer', currTrigger: 'leave' });
    },

    dispose() {
      watcher.disconnect();
      chart.dispose();
    },
  };
}

/** The theme's colours, as the style sheet has them. @param {HTMLElement} element */
function readColours(element) {
  const style = getComputedStyle(element);
  /** @param {string} name */
  const colour = (name) => style.getPropertyValue(`--color-${name}`).trim();
  return {
    font: style.fontFamily,
    surface: colour('surface'),
    line: colour('line'),
    zero: colour('line-strong'),
    text: colour('faint'),
    current: colour('accent'),
    previous: colour('previous'),
    cost: colour('cost'),
  };
}

/**
 * @param {TrendModel} model
 * @param {ReturnType<typeof readColours>} colours
 */
function trendOption(model, colours) {
  const last = model.current.length - 1;
  const { finished, running } = splitRunning(model);
  const showSymbol = model.current.length <= POINTS_WITH_SYMBOLS;
  const labelStyle = { color: colours.text, fontFamily: colours.font, fontSize: 12 };
  const valueAxis = {
    type: 'value',
    min: 0,
    minInterval: model.whole ? 1 : 0,
    splitNumber: 5,
    axisLabel: { ...labelStyle, formatter: model.formatValue },
    splitLine: { lineStyle: { color: colours.line } },
  };
  const costAxis = {
    ...valueAxis,
    minInterval: 0,
    show: model.cost !== null,
    alignTicks: true,
    axisLabel: { ...labelStyle, formatter: model.formatCost },
    splitLine: { show: false },
  };
  return {
    textStyle: { fontFamily: colours.font },
    grid: { left: 4, right: 4, top: 12, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    xAxis: {
      type: 'category',
      data: model.labels,
      boundaryGap: true,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: colours.zero } },
      axisLabel: { ...labelStyle, lineHeight: 16, hideOverlap: true, showMaxLabel: true },
    },
    yAxis: [valueAxis, costAxis],
    tooltip: {
      trigger: 'axis',
      confine: true,
      transitionDuration: 0,
      className: 'chart-tooltip',
      // The look is the style sheet's; these undo the library's own.
      backgroundColor: 'transparent',
      borderWidth: 0,
      padding: 0,
      extraCssText: 'box-shadow: none',
      axisPointer: { type: 'line', lineStyle: { color: colours.zero, type: 'solid' } },
      /** @param {{ dataIndex: number }[]} hit */
      formatter: (hit) => model.tooltip(hit[0].dataIndex),
    },
    series: [
      {
        // What the arrow keys and the pointer find at every day, also at a gap; nothing of it is drawn.
        id: 'days',
        type: 'line',
        data: model.current.map((value) => value ?? 0),
        symbol: 'none',
        lineStyle: { opacity: 0 },
        silent: true,
        emphasis: { disabled: true },
      },
      {
        id: 'current',
        type: 'line',
        data: finished,
        connectNulls: false,
        z: 4,
        symbol: 'circle',
        symbolSize: 6,
        showSymbol,
        lineStyle: { color: colours.current, width: 2 },
        itemStyle: { color: colours.surface, borderColor: colours.current, borderWidth: 2 },
        emphasis: { disabled: true },
      },
      {
        id: 'running',
        type: 'line',
        data: running,
        connectNulls: false,
        z: 3,
        symbol: 'circle',
        symbolSize: 6,
        showSymbol,
        lineStyle: { color: colours.current, width: 2, type: [2, 3] },
        itemStyle: { color: colours.surface, borderColor: colours.current, borderWidth: 1 },
        emphasis: { disabled: true },
      },
      {
        id: 'previous',
        type: 'line',
        data: model.previous,
        connectNulls: false,
        z: 3,
        symbol: 'none',
        lineStyle: { color: colours.previous, width: 1.5, type: [5, 4] },
        emphasis: { disabled: true },
      },
      ...(model.cost
        ? [
            {
              id: 'cost',
              type: 'bar',
              yAxisIndex: 1,
              z: 2,
              data: model.cost.map((value, index) => ({
                value,
                itemStyle: { opacity: model.lastIsRunning && index === last ? 0.55 : 1 },
              })),
              barMaxWidth: 12,
              itemStyle: { color: colours.cost },
              emphasis: { disabled: true },
            },
          ]
        : []),
    ],
  };
}
