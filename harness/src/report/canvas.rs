//! What the charts draw on: SVG by plotters, in inks that the page, or the picture itself, gives a colour.
//!
//! Each ink is drawn in a made-up colour that nothing else uses and replaced by a CSS variable at the end, so that one
//! picture serves light and dark readers.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text that matters.
    Text,
    /// Text and lines that step back.
    Muted,
    /// Lines of the grid.
    Grid,
    /// Behind everything.
    Surface,
    /// The n-th series, from 0.
    Series(usize),
}

/// How many inks there are for series.
pub(super) const SERIES_INKS: usize = 6;

/// Name of each ink's CSS variable, with its light and its dark colour. The series are told apart by people with any
/// colour vision (after Okabe and Ito), at 3:1 or more against both surfaces.
const INKS: [(&str, &str, &str); 4 + SERIES_INKS] = [
    ("ink", "#1c2430", "#e8ecf2"),
    ("muted", "#5c6878", "#9aa7b8"),
    ("grid", "#dfe4ea", "#2c3644"),
    ("surface", "#ffffff", "#141a22"),
    ("series-1", "#0b62c4", "#5aa9ff"),
    ("series-2", "#c2410c", "#ff9d5c"),
    ("series-3", "#0b7d5b", "#3ecf9f"),
    ("series-4", "#a3269b", "#ee86e4"),
    ("series-5", "#8a6a00", "#e5c04a"),
    ("series-6", "#55606e", "#aab6c5"),
];

impl Ink {
    fn index(self) -> usize {
        match self {
            Ink::Text => 0,
            Ink::Muted => 1,
            Ink::Grid => 2,
            Ink::Surface => 3,
            Ink::Series(series) => 4 + series % SERIES_INKS,
        }
    }

    /// The colour that stands for the ink until the end.
    fn marker(self) -> RGBColor {
        RGBColor(1, 254, self.index() as u8)
    }

    /// As CSS: `var(--ink)`.
    pub(super) fn css(self) -> String {
        format!("var(--{})", INKS[self.index()].0)
    }
}

/// The inks' colours as CSS variables: for `:root`, light and, where the reader asks for it, dark.
pub(super) fn css_variables() -> String {
    let list = |dark: bool| -> String {
        let colour =
            |(name, light, night): &(&str, &str, &str)| format!("--{name}:{};", if dark { night } else { light });
        INKS.iter().map(colour).collect()
    };
    format!(":root{{{}}}@media(prefers-color-scheme:dark){{:root{{{}}}}}", list(false), list(true))
}

/// Where a text is held.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// By its left edge.
    Left,
    /// By its middle.
    Middle,
    /// By its right edge.
    Right,
}

/// A picture being drawn. Coordinates are pixels from the top left corner; texts are held at half their height.
pub(super) struct Canvas {
    width: i32,
    height: i32,
    shapes: Vec<Shape>,
}

enum Shape {
    Line { points: Vec<(i32, i32)>, ink: Ink, width: u32, alpha: f64 },
    Area { points: Vec<(i32, i32)>, ink: Ink, alpha: f64 },
    Box { from: (i32, i32), to: (i32, i32), ink: Ink, alpha: f64 },
    Dot { at: (i32, i32), radius: i32, ink: Ink, filled: bool },
    Text { at: (i32, i32), text: String, ink: Ink, size: i32, anchor: Anchor, bold: bool },
}

/// A finished picture.
pub(super) struct Picture {
    pub(super) svg: String,
}

impl Canvas {
    pub(super) fn new(width: i32, height: i32) -> Canvas {
        Canvas { width, height, shapes: Vec::new() }
    }

    pub(super) fn width(&self) -> i32 {
        self.width
    }

    pub(super) fn line(&mut self, points: Vec<(i32, i32)>, ink: Ink, width: u32, alpha: f64) {
        self.shapes.push(Shape::Line { points, ink, width, alpha });
    }

    /// A line from `from` to `to` in short strokes.
    pub(super) fn dashes(&mut self, from: (i32, i32), to: (i32, i32), ink: Ink, width: u32) {
        const STROKE: f64 = 6.0;
        let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
        let strokes = (dx.hypot(dy) / STROKE).ceil().max(1.0) as i32;
        let point = |step: i32| {
            let share = f64::from(step) / f64::from(strokes);
            (from.0 + (dx * share).round() as i32, from.1 + (dy * share).round() as i32)
        };
        for step in (0..strokes).step_by(2) {
            self.line(vec![point(step), point((step + 1).min(strokes))], ink, width, 1.0);
        }
    }

    pub(super) fn area(&mut self, points: Vec<(i32, i32)>, ink: Ink, alpha: f64) {
        self.shapes.push(Shape::Area { points, ink, alpha });
    }

    pub(super) fn rectangle(&mut self, from: (i32, i32), to: (i32, i32), ink: Ink, alpha: f64) {
        self.shapes.push(Shape::Box { from, to, ink, alpha });
    }

    pub(super) fn dot(&mut self, at: (i32, i32), radius: i32, ink: Ink, filled: bool) {
        self.shapes.push(Shape::Dot { at, radius, ink, filled });
    }

    pub(super) fn text(&mut self, at: (i32, i32), text: &str, ink: Ink, size: i32, anchor: Anchor) {
        self.shapes.push(Shape::Text { at, text: text.into(), ink, size, anchor, bold: false });
    }

    pub(super) fn bold_text(&mut self, at: (i32, i32), text: &str, ink: Ink, size: i32, anchor: Anchor) {
        self.shapes.push(Shape::Text { at, text: text.into(), ink, size, anchor, bold: true });
    }

    /// About how wide a text of the page's font is.
    pub(super) fn text_width(text: &str, size: i32) -> i32 {
        (text.chars().count() as f64 * f64::from(size) * 0.56).ceil() as i32
    }

    /// Draws it all.
    pub(super) fn finish(self) -> Picture {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (self.width as u32, self.height as u32)).into_drawing_area();
            for shape in self.shapes {
                draw(&area, shape);
            }
            // Into a string nothing can fail but the formatting itself, which has no way to.
            let _ = area.present();
        }
        for ink in (0..INKS.len()).map(|index| {
            if index < 4 { [Ink::Text, Ink::Muted, Ink::Grid, Ink::Surface][index] } else { Ink::Series(index - 4) }
        }) {
            let RGBColor(red, green, blue) = ink.marker();
            svg = svg.replace(&format!("#{red:02X}{green:02X}{blue:02X}"), &ink.css());
        }
        Picture { svg: svg.replace("font-family=\"sans-serif\"", "font-family=\"system-ui,sans-serif\"") }
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw(area: &Area<'_>, shape: Shape) {
    // As above: drawing into a string can't fail.
    let _ = match shape {
        Shape::Line { points, ink, width, alpha } => {
            area.draw(&PathElement::new(points, ink.marker().mix(alpha).stroke_width(width)))
        }
        Shape::Area { points, ink, alpha } => area.draw(&Polygon::new(points, ink.marker().mix(alpha))),
        Shape::Box { from, to, ink, alpha } => area.draw(&Rectangle::new([from, to], ink.marker().mix(alpha).filled())),
        Shape::Dot { at, radius, ink, filled } => {
            let style = if filled { ink.marker().filled() } else { ink.marker().stroke_width(2) };
            area.draw(&Circle::new(at, radius, style))
        }
        Shape::Text { at, text, ink, size, anchor, bold } => {
            let horizontal = match anchor {
                Anchor::Left => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::Right => HPos::Right,
            };
            let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
            // Plotters takes the size of the em box and writes it down divided by 1.24.
            let font = FontDesc::new(FontFamily::SansSerif, f64::from(size) * 1.24, style);
            let colour = ink.marker();
            let style = TextStyle::from(font).color(&colour).pos(Pos::new(horizontal, VPos::Center));
            area.draw(&Text::new(text, at, style))
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inks_become_variables_and_texts_are_escaped() {
        let mut canvas = Canvas::new(100, 50);
        canvas.line(vec![(0, 0), (10, 10)], Ink::Series(0), 2, 1.0);
        canvas.area(vec![(0, 0), (10, 10), (0, 10)], Ink::Series(7), 0.2);
        canvas.rectangle((1, 1), (5, 5), Ink::Surface, 1.0);
        canvas.dot((3, 3), 2, Ink::Muted, false);
        canvas.dashes((0, 0), (60, 0), Ink::Grid, 1);
        canvas.text((5, 5), "<script>a&b</script>", Ink::Text, 12, Anchor::Left);
        let svg = canvas.finish().svg;
        for wanted in
            ["var(--series-1)", "var(--series-2)", "var(--surface)", "var(--muted)", "var(--grid)", "var(--ink)"]
        {
            assert!(svg.contains(wanted), "{wanted}: {svg}");
        }
        assert!(!svg.contains("#01FE") && !svg.contains("<script>"), "{svg}");
        assert!(svg.contains("&lt;script&gt;a&amp;b"), "{svg}");
    }
}
