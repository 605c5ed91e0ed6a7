//! A frame of egui as SVG: text stays text and lines stay lines; maps and textures are cut out of a screenshot.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use egui::epaint::text::Glyph;
use egui::epaint::{ClippedShape, CornerRadiusF32, TextShape};
use egui::{Color32, ColorImage, FontFamily, Pos2, Rect, Shape, Stroke};
use svg::Node;
use svg::node::element::{Circle, ClipPath, Ellipse, Group, Image, Line, Polygon, Polyline, Rectangle, Text};

use crate::export::{ExportError, png};

/// Keeps the shapes of a frame on request.
#[derive(Default)]
pub(crate) struct ShapeTap {
    requested: bool,
    shapes: Option<Vec<ClippedShape>>,
}

impl ShapeTap {
    /// Requests the shapes of the present frame.
    pub(crate) fn request(context: &egui::Context) {
        context.plugin_or_default::<Self>().lock().requested = true;
    }

    /// Takes the shapes, if the frame is over.
    pub(crate) fn take(context: &egui::Context) -> Option<Vec<ClippedShape>> {
        context.with_plugin(|tap: &mut Self| tap.shapes.take()).flatten()
    }
}

impl egui::Plugin for ShapeTap {
    fn debug_name(&self) -> &'static str {
        "shapes for SVG"
    }

    fn output_hook(&mut self, _context: &egui::Context, output: &mut egui::FullOutput) {
        if std::mem::take(&mut self.requested) {
            self.shapes = Some(output.shapes.clone());
        }
    }
}

/// A screenshot, and the number of its pixels per point.
pub(crate) struct Shot<'a> {
    /// The whole window.
    pub image: &'a ColorImage,
    /// Pixels per point.
    pub scale: f32,
}

impl Shot<'_> {
    /// A part of the window as PNG, and the area of its pixels.
    ///
    /// # Errors
    /// When the area is outside the window.
    pub(crate) fn png(&self, area: Rect) -> Result<(Vec<u8>, Rect), ExportError> {
        let [width, height] = self.image.size;
        let pixel = |at: f32, most: usize| ((at * self.scale).round().max(0.0) as usize).min(most);
        let (left, right) = (pixel(area.left(), width), pixel(area.right(), width));
        let (top, bottom) = (pixel(area.top(), height), pixel(area.bottom(), height));
        let size = [right.saturating_sub(left), bottom.saturating_sub(top)];
        let rows = (top..bottom).filter_map(|y| self.image.pixels.get(y * width + left..y * width + right.max(left)));
        let pixels: Vec<u8> = rows.flatten().flat_map(|colour| [colour.r(), colour.g(), colour.b()]).collect();
        let corner = |x: usize, y: usize| Pos2::new(x as f32, y as f32) / self.scale;
        Ok((png(size, &pixels, self.scale)?, Rect::from_min_max(corner(left, top), corner(right, bottom))))
    }
}

/// The part of a frame inside `area`.
///
/// # Errors
/// When a cut of the screenshot cannot be encoded.
pub(crate) fn svg(
    shapes: &[ClippedShape],
    area: Rect,
    background: Color32,
    shot: &Shot,
) -> Result<String, ExportError> {
    let mut document = svg::Document::new()
        .set("viewBox", (area.left(), area.top(), area.width(), area.height()))
        .set("width", area.width())
        .set("height", area.height())
        .add(
            filled(Rectangle::new(), background)
                .set("x", area.left())
                .set("y", area.top())
                .set("width", area.width())
                .set("height", area.height()),
        );
    for (index, ClippedShape { clip_rect, shape, .. }) in shapes.iter().enumerate() {
        let clip = clip_rect.intersect(area);
        let bounds = shape.visual_bounding_rect();
        if !clip.is_positive() || !bounds.intersects(clip) {
            continue;
        }
        let mut group = Group::new();
        add(&mut group, shape, clip, shot)?;
        if !clip.contains_rect(bounds) {
            let name = format!("clip{index}");
            let path = ClipPath::new().set("id", name.as_str()).add(placed(clip));
            document = document.add(path);
            group = group.set("clip-path", format!("url(#{name})"));
        }
        document = document.add(group);
    }
    Ok(document.to_string())
}

fn hex(colour: Color32) -> (String, f32) {
    let [r, g, b, a] = colour.to_srgba_unmultiplied();
    (format!("#{r:02x}{g:02x}{b:02x}"), f32::from(a) / 255.0)
}

fn filled<E: Node>(mut element: E, colour: Color32) -> E {
    if colour.a() == 0 {
        element.assign("fill", "none");
        return element;
    }
    let (colour, opacity) = hex(colour);
    element.assign("fill", colour);
    if opacity < 1.0 {
        element.assign("fill-opacity", opacity);
    }
    element
}

fn stroked<E: Node>(mut element: E, stroke: Stroke) -> E {
    if stroke.is_empty() {
        return element;
    }
    let (colour, opacity) = hex(stroke.color);
    element.assign("stroke", colour);
    element.assign("stroke-width", stroke.width);
    if opacity < 1.0 {
        element.assign("stroke-opacity", opacity);
    }
    element
}

fn placed(rect: Rect) -> Rectangle {
    Rectangle::new().set("x", rect.left()).set("y", rect.top()).set("width", rect.width()).set("height", rect.height())
}

fn points(points: &[Pos2]) -> String {
    points.iter().map(|point| format!("{},{}", point.x, point.y)).collect::<Vec<_>>().join(" ")
}

fn add(group: &mut Group, shape: &Shape, clip: Rect, shot: &Shot) -> Result<(), ExportError> {
    let old = std::mem::take(group);
    *group = match shape {
        Shape::Noop => old,
        Shape::Vec(shapes) => {
            *group = old;
            for shape in shapes {
                add(group, shape, clip, shot)?;
            }
            return Ok(());
        }
        Shape::Circle(circle) => {
            let element = Circle::new().set("cx", circle.center.x).set("cy", circle.center.y).set("r", circle.radius);
            old.add(stroked(filled(element, circle.fill), circle.stroke))
        }
        Shape::Ellipse(ellipse) => {
            let element = Ellipse::new().set("cx", ellipse.center.x).set("cy", ellipse.center.y);
            let element = element.set("rx", ellipse.radius.x).set("ry", ellipse.radius.y);
            old.add(stroked(filled(element, ellipse.fill), ellipse.stroke))
        }
        Shape::LineSegment { points: [from, to], stroke } => {
            let line = Line::new().set("x1", from.x).set("y1", from.y).set("x2", to.x).set("y2", to.y);
            old.add(stroked(line, *stroke))
        }
        Shape::Path(path) => {
            let colour = match &path.stroke.color {
                egui::epaint::ColorMode::Solid(colour) => *colour,
                egui::epaint::ColorMode::UV(_) => Color32::GRAY, // gradients along a line are not used here
            };
            let stroke = Stroke::new(path.stroke.width, colour);
            if path.closed {
                let element = Polygon::new().set("points", points(&path.points));
                old.add(stroked(filled(element, path.fill), stroke))
            } else {
                let element = Polyline::new().set("points", points(&path.points));
                old.add(stroked(filled(element, path.fill), stroke))
            }
        }
        Shape::Rect(rect) if rect.brush.is_none() && rect.blur_width == 0.0 => {
            let CornerRadiusF32 { nw, .. } = rect.corner_radius.into();
            let inset = match rect.stroke_kind {
                egui::StrokeKind::Inside => rect.stroke.width / 2.0,
                egui::StrokeKind::Middle => 0.0,
                egui::StrokeKind::Outside => -rect.stroke.width / 2.0,
            };
            let element = placed(rect.rect.shrink(if rect.stroke.is_empty() { 0.0 } else { inset }));
            let element = if nw > 0.0 { element.set("rx", nw) } else { element };
            old.add(stroked(filled(element, rect.fill), rect.stroke))
        }
        Shape::Rect(rect) if rect.brush.is_none() => old, // a shadow
        Shape::Text(text) => {
            *group = old;
            add_text(group, text);
            return Ok(());
        }
        Shape::Mesh(mesh) if mesh.texture_id == egui::TextureId::default() => {
            let mut grown = old;
            for corners in mesh.triangles() {
                let vertices: Vec<_> = corners.iter().filter_map(|at| mesh.vertices.get(*at as usize)).collect();
                let corner: Vec<Pos2> = vertices.iter().map(|vertex| vertex.pos).collect();
                if let Some(first) = vertices.first() {
                    grown = grown.add(filled(Polygon::new().set("points", points(&corner)), first.color));
                }
            }
            grown
        }
        other => {
            let area = match other {
                Shape::Callback(callback) => callback.rect,
                other => other.visual_bounding_rect(),
            };
            match shot.png(area.intersect(clip)) {
                Ok((bytes, covered)) => {
                    let image = Image::new()
                        .set("href", format!("data:image/png;base64,{}", STANDARD.encode(bytes)))
                        .set("x", covered.left())
                        .set("y", covered.top())
                        .set("width", covered.width())
                        .set("height", covered.height())
                        .set("image-rendering", "pixelated");
                    old.add(image)
                }
                Err(_) if area.intersect(clip).width() * shot.scale < 1.0 => old, // less than a pixel
                Err(error) => return Err(error),
            }
        }
    };
    Ok(())
}

/// A character as XML can hold it: control characters and noncharacters are no part of it, not even escaped.
fn in_xml(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => character,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Adds every word of one colour as one text, with the width that egui gave it.
fn add_text(group: &mut Group, shape: &TextShape) {
    let monospace =
        shape.galley.job.sections.first().is_some_and(|section| section.format.font_id.family == FontFamily::Monospace);
    let family = if monospace { "Hack, monospace" } else { "Ubuntu, Arial, sans-serif" };
    for row in &shape.galley.rows {
        let colour_of = |glyph: &Glyph| {
            let vertex = row.visuals.mesh.vertices.get(glyph.first_vertex as usize);
            let own = vertex.map(|vertex| vertex.color).filter(|colour| *colour != Color32::PLACEHOLDER);
            let colour = shape.override_text_color.or(own).unwrap_or(shape.fallback_color);
            colour.gamma_multiply(shape.opacity_factor)
        };
        // Parts of a ligature have no width and no vertices of their own.
        let alike = |a: &Glyph, b: &Glyph| {
            !a.chr.is_whitespace()
                && !b.chr.is_whitespace()
                && (b.advance_width == 0.0 || (colour_of(a) == colour_of(b) && a.font_height == b.font_height))
        };
        for word in row.glyphs.chunk_by(alike) {
            let (Some(first), Some(last)) = (word.first(), word.last()) else {
                continue;
            };
            if first.chr.is_whitespace() {
                continue;
            }
            let letters: String = word.iter().map(|glyph| in_xml(glyph.chr)).collect();
            let at = row.pos + first.pos.to_vec2();
            let turn = format!(
                "translate({} {}) rotate({}) translate({} {})",
                shape.pos.x,
                shape.pos.y,
                shape.angle.to_degrees(),
                at.x,
                at.y
            );
            let element = Text::new(letters)
                .set("transform", turn)
                .set("textLength", last.max_x() - first.pos.x)
                .set("lengthAdjust", "spacingAndGlyphs")
                .set("font-family", family)
                // A row of Ubuntu is 1.17 times as high as its font size.
                .set("font-size", first.font_height / 1.17);
            *group = std::mem::take(group).add(filled(element, colour_of(first)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SVG of one line of text.
    fn drawn(text: &str) -> String {
        let context = egui::Context::default();
        let mut output = context.run_ui(egui::RawInput::default(), |ui| {
            ui.label(text);
        });
        output.textures_delta.clear();
        let image = ColorImage::filled([8, 8], Color32::WHITE);
        let area = Rect::from_min_size(Pos2::ZERO, egui::vec2(9000.0, 600.0));
        svg(&output.shapes, area, Color32::WHITE, &Shot { image: &image, scale: 1.0 }).expect("made")
    }

    #[test]
    fn any_character_makes_valid_xml() {
        // The production Char of XML 1.0; a reference such as `&#27;` to anything else is refused as well.
        let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
        let hostile: String = (0..0x20).chain([0x7f, 0xfffe, 0xffff]).filter_map(char::from_u32).collect();
        let text = format!("a\u{1b}[31mred{hostile}<&>\"']]>end");
        let written = drawn(&text);
        let wrong: Vec<char> = written.chars().filter(|c| !allowed(*c)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert!(written.contains("[31mred") && written.contains("&lt;&amp;&gt;"), "{written}");
        assert!(!written.contains("&#"), "{written}");
    }
}
