//! The plot of `contention`: recorded spans per second over threads, as an SVG file written by hand.
//!
//! It has its own background and follows the viewer's colour scheme, so that it is legible on any page.

use crate::measure::Row;
use crate::plan::{PeerName, Plan};
use crate::stats::select;
use crate::summary::Summary;
use std::fmt::Write;

/// Sizes in pixels.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 440.0;
const PANEL: Panel = Panel { top: 70.0, width: 290.0, height: 310.0 };
const PANEL_LEFTS: [f64; 2] = [62.0, 534.0];
const LABEL_HEIGHT: f64 = 15.0;

struct Panel {
    top: f64,
    width: f64,
    height: f64,
}

/// Colours by peer in the light and the dark scheme; each stands out from its background.
fn colours(peer: PeerName) -> [&'static str; 2] {
    match peer {
        PeerName::Floor => ["#6e6e6e", "#9a9a9a"],
        PeerName::Heirloom => ["#c2185b", "#ff6fa5"],
        PeerName::HeirloomDefault => ["#e0709b", "#c2567f"],
        PeerName::HeirloomOtel => ["#ad6a86", "#d38aa8"],
        PeerName::MutexVec => ["#8a6d00", "#e0c04a"],
        PeerName::Channel => ["#00796b", "#4dd0b8"],
        PeerName::Otel => ["#1565c0", "#6cb2ff"],
        PeerName::OtelLarge => ["#5e92d6", "#4a86c9"],
        PeerName::TracingOtel => ["#5e35b1", "#b39ddb"],
        PeerName::TracingOtelDefault => ["#8a6cc9", "#8d75c4"],
        PeerName::FastraceLocal => ["#bf4f00", "#ff9d54"],
        PeerName::FastraceSpan => ["#d98a4b", "#c97a3a"],
        PeerName::Puffin => ["#4e7a1e", "#a3cf6b"],
    }
}

const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:12px;fill:#24292f}
.back{fill:#ffffff}.title{font-size:15px;font-weight:600}.panel{font-weight:600}.axis{fill:#57606a}
.grid{stroke:#d8dee4;stroke-width:1}.line{fill:none;stroke-width:1.8}.spread{stroke-width:1.2;opacity:.55}
.lead{stroke-width:.8;opacity:.6}.heirloom.line{stroke-width:3.4}.floor.line{stroke-dasharray:5 4}
.heirloom-default.line,.otel-large.line,.fastrace-span.line{stroke-dasharray:2 3}.name{font-weight:500}
";

const DARK_STYLE: &str = "\
text{fill:#e6edf3}.back{fill:#0d1117}.axis{fill:#9aa5b1}.grid{stroke:#2c333b}
";

/// One peer's line in a panel: threads and spans per second.
struct Line {
    peer: PeerName,
    points: Vec<(usize, Summary)>,
}

/// The powers of ten around the data, as exponents.
struct Scale {
    threads: Vec<usize>,
    low: f64,
    high: f64,
}

/// The whole plot: one panel without attributes and one with three.
pub fn svg(plan: &Plan, rows: &[Row], caption: &str) -> String {
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" aria-label=\"Recorded spans per second over threads\">\n<style>\n{}</style>\n\
         <rect class=\"back\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"20\" y=\"28\">Recorded spans per second, threads under one parent</text>\n\
         <text class=\"axis\" x=\"20\" y=\"{}\">{}</text>\n",
        style(),
        HEIGHT - 12.0,
        escape(caption)
    );
    let panels = [false, true].map(|attributes| lines(plan, rows, attributes));
    if let Some(scale) = Scale::of(plan, &panels) {
        for ((left, lines), title) in PANEL_LEFTS.iter().zip(&panels).zip(["no attributes", "three attributes"]) {
            panel(&mut svg, *left, title, lines, &scale);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn style() -> String {
    let scheme = |i: usize| {
        let rule = |peer: PeerName| {
            let (class, colour) = (peer.label(), colours(peer)[i]);
            format!(".{class}{{stroke:{colour}}}.{class}.dot,.{class}.name{{stroke:none;fill:{colour}}}\n")
        };
        PeerName::ALL.map(rule).concat()
    };
    format!("{STYLE}{}@media (prefers-color-scheme: dark){{\n{DARK_STYLE}{}}}\n", scheme(0), scheme(1))
}

fn lines(plan: &Plan, rows: &[Row], attributes: bool) -> Vec<Line> {
    let line = |&peer| {
        let point = |&threads| {
            let rows = select(rows, peer, threads, attributes);
            Some((threads, Summary::of(rows.iter().map(|row| row.recorded_per_second()))?))
        };
        Line { peer, points: plan.threads.iter().filter_map(point).collect() }
    };
    plan.peers.iter().map(line).filter(|line| !line.points.is_empty()).collect()
}

impl Scale {
    /// `None` if there is nothing to draw.
    fn of(plan: &Plan, panels: &[Vec<Line>]) -> Option<Self> {
        let points = panels.iter().flatten().flat_map(|line| &line.points);
        let spread = Summary::of(points.flat_map(|(_, speed)| [speed.min, speed.max]).filter(|speed| *speed > 0.0))?;
        Some(Self {
            threads: plan.threads.clone(),
            low: (spread.min.log10() - 0.05),
            high: (spread.max.log10() + 0.05),
        })
    }

    /// Threads stand at equal distances.
    fn x(&self, threads: usize) -> f64 {
        let place = self.threads.iter().position(|n| *n == threads).unwrap_or(0);
        let steps = self.threads.len().saturating_sub(1).max(1);
        12.0 + (PANEL.width - 24.0) * place as f64 / steps as f64
    }

    fn y(&self, speed: f64) -> f64 {
        let share = (speed.max(1.0).log10() - self.low) / (self.high - self.low);
        PANEL.height * (1.0 - share.clamp(0.0, 1.0))
    }

    /// 1, 2 and 5 times each power of ten within the scale.
    fn marks(&self) -> Vec<f64> {
        let exponents = self.low.floor() as i32..=self.high.ceil() as i32;
        let marks = exponents.flat_map(|exponent| [1.0, 2.0, 5.0].map(|factor| factor * 10_f64.powi(exponent)));
        marks.filter(|mark| (self.low..=self.high).contains(&mark.log10())).collect()
    }
}

fn panel(svg: &mut String, left: f64, title: &str, lines: &[Line], scale: &Scale) {
    let _ = writeln!(svg, "<g transform=\"translate({left} {})\">", PANEL.top);
    let _ = writeln!(svg, "<text class=\"panel\" x=\"0\" y=\"-12\">{title}</text>");
    axes(svg, scale);
    lines.iter().for_each(|line| curve(svg, line, scale));
    labels(svg, lines, scale);
    svg.push_str("</g>\n");
}

fn axes(svg: &mut String, scale: &Scale) {
    for mark in scale.marks() {
        let y = scale.y(mark);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"0\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"axis\" x=\"-8\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            PANEL.width,
            y + 4.0,
            short(mark)
        );
    }
    for &threads in &scale.threads {
        let (x, y) = (scale.x(threads), PANEL.height + 18.0);
        let text = if threads == 1 { "1 thread".to_owned() } else { threads.to_string() };
        let _ = writeln!(svg, "<text class=\"axis\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>");
    }
}

/// As in `500 k` or `20 M`.
fn short(speed: f64) -> String {
    match speed {
        speed if speed >= 1e6 => format!("{:.0} M", speed / 1e6),
        speed if speed >= 1e3 => format!("{:.0} k", speed / 1e3),
        speed => format!("{speed:.0}"),
    }
}

fn curve(svg: &mut String, line: &Line, scale: &Scale) {
    let class = line.peer.label();
    let place = |(threads, speed): &(usize, Summary)| format!("{:.1},{:.1}", scale.x(*threads), scale.y(speed.median));
    let places: Vec<String> = line.points.iter().map(place).collect();
    let _ = writeln!(svg, "<polyline class=\"{class} line\" points=\"{}\"/>", places.join(" "));
    for (threads, speed) in &line.points {
        let x = scale.x(*threads);
        let [top, middle, bottom] = [speed.max, speed.median, speed.min].map(|speed| scale.y(speed));
        let _ = writeln!(
            svg,
            "<line class=\"{class} spread\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>\
             <circle class=\"{class} dot\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"3\"/>"
        );
    }
}

/// Each line's name after its end; names that would overlap are moved apart.
fn labels(svg: &mut String, lines: &[Line], scale: &Scale) {
    let end = |line: &Line| {
        let (threads, speed) = line.points.last()?;
        Some((scale.y(speed.median), scale.x(*threads), line.peer))
    };
    let mut ends: Vec<_> = lines.iter().filter_map(end).collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let places = spread_out(&ends.iter().map(|(y, ..)| *y).collect::<Vec<_>>(), LABEL_HEIGHT, PANEL.height);
    for ((y, x, peer), place) in ends.iter().zip(places) {
        let (class, text) = (peer.label(), PANEL.width + 22.0);
        let _ = writeln!(
            svg,
            "<line class=\"{class} lead\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{place:.1}\"/>\
             <text class=\"{class} name\" x=\"{text}\" y=\"{:.1}\">{class}</text>",
            x + 5.0,
            text - 3.0,
            place + 4.0
        );
    }
}

/// Moves ascending positions apart so that neighbours are at least `distance` from each other and the last one is at most
/// `limit`.
fn spread_out(places: &[f64], distance: f64, limit: f64) -> Vec<f64> {
    let mut moved = places.to_vec();
    for i in 1..moved.len() {
        moved[i] = moved[i].max(moved[i - 1] + distance);
    }
    let mut below = limit + distance;
    for place in moved.iter_mut().rev() {
        *place = place.min(below - distance);
        below = *place;
    }
    moved
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::tests::row;

    fn plan(peers: Vec<PeerName>) -> Plan {
        Plan { peers, threads: vec![1, 2], spans: 100, repetitions: 1, ring_bytes: None, on_main_thread: false }
    }

    #[test]
    fn labels_keep_their_distance_and_stay_inside() {
        let moved = spread_out(&[10.0, 11.0, 12.0, 99.0, 100.0], 15.0, 100.0);
        assert!(moved.windows(2).all(|pair| pair[1] - pair[0] >= 15.0 - 1e-9), "{moved:?}");
        assert!(moved[4] <= 100.0);
    }

    #[test]
    fn each_peer_has_a_line_and_a_name_and_every_tag_is_closed() {
        let rows = [row(PeerName::Floor, 1, 100), row(PeerName::Floor, 2, 100), row(PeerName::Otel, 1, 10)];
        let svg = svg(&plan(vec![PeerName::Floor, PeerName::Otel]), &rows, "a < b");
        for name in ["floor", "otel"] {
            assert!(svg.contains(&format!("<polyline class=\"{name} line\"")), "{svg}");
            assert!(svg.contains(&format!(">{name}</text>")), "{svg}");
        }
        assert!(svg.contains("a &lt; b"));
        assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn a_faster_peer_is_drawn_higher() {
        let scale = Scale { threads: vec![1, 2], low: 5.0, high: 8.0 };
        assert!(scale.y(1e7) < scale.y(1e6));
        assert_eq!(
            scale.marks().iter().map(|mark| short(*mark)).collect::<Vec<_>>()[..4],
            ["100 k", "200 k", "500 k", "1 M"]
        );
    }

    #[test]
    fn nothing_measured_gives_an_empty_frame() {
        assert!(!svg(&plan(vec![PeerName::Floor]), &[], "").contains("<g "));
    }
}
