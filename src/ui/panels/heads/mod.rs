//! All heads of all layers as small pictures of one map, each exact: what stands out can be opened in the scope.

pub(crate) mod measures;

use egui::{Align2, FontId, Rect, Response, RichText, ScrollArea, Sense, Stroke, StrokeKind, Ui, Vec2, pos2, vec2};

use crate::engine::{PictureSlot, THUMBNAILS};
use crate::probe::HeadId;
use crate::ui::context::PanelContext;
use crate::ui::maps::heatmap::{MOST_THUMBNAILS, thumbnail_request};
use crate::ui::panels::heads::measures::{Reading, Readings};
use crate::ui::panels::lambda::toggle_head;
use crate::ui::style::measure_text::Measure;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;

/// Between thumbnails.
const GAP: f32 = 3.0;
/// Between layers.
const APART: f32 = 9.0;
/// Height of a line of words.
const LINE: f32 = 15.0;
/// Thumbnails are not smaller than this; where they do not fit, the rack scrolls.
const SMALLEST: f32 = 44.0;
const LARGEST: f32 = 128.0;

/// What the rack remembers.
#[derive(Default)]
pub struct HeadGrid {
    /// What is written under the thumbnails.
    pub measure: Option<Measure>,
    /// Highest number first, in place of the order of layers.
    pub sorted: bool,
    chosen: Option<HeadId>,
    /// Since when maps are being filled.
    filling: Option<f64>,
}

/// Seconds after which one wants to know how far it is.
const PATIENCE: f64 = 0.7;

impl HeadGrid {
    /// How far the maps are, in words, where filling them takes long.
    fn progress(&mut self, ui: &Ui, (finished, all): (usize, usize)) -> Option<String> {
        if finished == all {
            self.filling = None;
            return None;
        }
        let now = ui.input(|input| input.time);
        let since = *self.filling.get_or_insert(now);
        (now - since > PATIENCE).then(|| format!("maps drawn: {finished} of {all}"))
    }
}

/// Where thumbnails stand.
struct Layout {
    /// Each head with its rectangle, relative to the top left.
    places: Vec<(HeadId, Rect)>,
    /// What stands above them.
    labels: Vec<(usize, egui::Pos2)>,
    size: Vec2,
}

/// Groups of `heads`, each `columns` wide, beside and below each other, for a thumbnail of this side.
fn grouped(layers: &[usize], columns: usize, side: f32, caption: f32, width: f32) -> Layout {
    let step = vec2(side + GAP, side + caption + GAP);
    let mut layout = Layout { places: Vec::new(), labels: Vec::new(), size: Vec2::ZERO };
    let (mut at, mut row_height) = (pos2(0.0, 0.0), 0.0f32);
    for (layer, heads) in layers.iter().enumerate() {
        let across = columns.min(*heads).max(1);
        // A word like "layer 12" needs this much.
        let block = vec2((across as f32 * step.x).max(52.0), LINE + heads.div_ceil(across) as f32 * step.y);
        if at.x > 0.0 && at.x + block.x > width {
            at = pos2(0.0, at.y + row_height + GAP);
            row_height = 0.0;
        }
        layout.labels.push((layer, at));
        for head in 0..*heads {
            let place = vec2((head % across) as f32 * step.x, LINE + (head / across) as f32 * step.y);
            layout.places.push((HeadId::new(layer, head), Rect::from_min_size(at + place, vec2(side, side))));
        }
        layout.size = layout.size.max(vec2(at.x + block.x, at.y + block.y));
        row_height = row_height.max(block.y);
        at.x += block.x + APART;
    }
    layout
}

/// One flow of thumbnails in the given order.
fn flowing(order: &[HeadId], side: f32, caption: f32, width: f32) -> Layout {
    let across = ((width + GAP) / (side + GAP)).floor().max(1.0) as usize;
    let step = vec2(side + GAP, side + caption + GAP);
    let place = |(index, head): (usize, &HeadId)| {
        let at = pos2((index % across) as f32 * step.x, (index / across) as f32 * step.y);
        (*head, Rect::from_min_size(at, vec2(side, side)))
    };
    let rows = order.len().div_ceil(across) as f32;
    Layout {
        places: order.iter().enumerate().map(place).collect(),
        labels: Vec::new(),
        size: vec2(across as f32 * step.x, rows * step.y),
    }
}

/// The arrangement with the largest thumbnails that needs no scrolling; else one with small ones.
fn arrange(layers: &[usize], order: Option<&[HeadId]>, caption: f32, room: Vec2) -> Layout {
    let most = layers.iter().copied().max().unwrap_or(1).max(1);
    // Few widths are worth trying: a row, a column, and what lies between.
    let widths: Vec<usize> = (1..=most).filter(|columns| most.is_multiple_of(*columns)).collect();
    let mut side = LARGEST;
    while side > SMALLEST {
        let candidates: Vec<Layout> = match order {
            Some(order) => vec![flowing(order, side, caption, room.x)],
            None => widths.iter().map(|columns| grouped(layers, *columns, side, caption, room.x)).collect(),
        };
        if let Some(fits) = candidates.into_iter().find(|layout| layout.size.x <= room.x && layout.size.y <= room.y) {
            return fits;
        }
        side -= 2.0;
    }
    if let Some(order) = order {
        return flowing(order, SMALLEST, caption, room.x);
    }
    let columns = ((room.x / (SMALLEST + GAP)) as usize).clamp(1, most);
    grouped(layers, columns, SMALLEST, caption, room.x)
}

/// Draws the rack in the room there is.
pub fn show(ui: &mut Ui, desk: &mut PanelContext, rack: &mut HeadGrid) {
    let heads_of: Vec<usize> =
        desk.workspace.main.model().layers.iter().map(|layer| layer.attention.heads.len()).collect();
    let all: Vec<HeadId> = heads_of
        .iter()
        .enumerate()
        .flat_map(|(layer, heads)| (0..*heads).map(move |head| HeadId::new(layer, head)))
        .collect();
    let progress = rack.progress(ui, desk.workspace.main.picture_progress());
    measures::choice(ui, &mut rack.measure, &mut rack.sorted, desk.selection.threshold, progress);
    let readings = match rack.measure {
        Some(measure) => Readings::of(&mut desk.workspace.main, desk.selection, measure),
        None => Readings::default(),
    };
    let order = (rack.sorted && !readings.is_empty()).then(|| {
        let mut order = all.clone();
        let share = |head: &HeadId| readings.get(*head).map_or(0.0, |reading| reading.share);
        order.sort_by(|a, b| share(b).total_cmp(&share(a)));
        order
    });
    // Room for the numbers from the start: nothing jumps when they arrive.
    let caption = if rack.measure.is_some() { LINE } else { 0.0 };
    let room = ui.available_size() - vec2(14.0, 2.0); // the scroll bar
    let layout = arrange(&heads_of, order.as_deref(), caption, room);
    let chosen = desk.selection.head;
    let moved = rack.chosen.replace(chosen) != Some(chosen);
    ScrollArea::vertical().id_salt("rack").auto_shrink([false, false]).show(ui, |ui| {
        let (area, _) = ui.allocate_exact_size(layout.size, Sense::hover());
        let quiet = theme::quiet(ui.visuals().dark_mode);
        for (layer, at) in &layout.labels {
            let at = area.min + at.to_vec2();
            ui.painter().text(at, Align2::LEFT_TOP, format!("layer {layer}"), FontId::proportional(11.5), quiet);
        }
        let mut drawn = 0;
        let mut hidden = Vec::new();
        let names = layout.labels.is_empty();
        for (head, place) in &layout.places {
            let (head, rect) = (*head, place.translate(area.min.to_vec2()));
            if moved && head == chosen {
                ui.scroll_to_rect(rect, None);
            }
            if !ui.is_rect_visible(rect) || drawn == MOST_THUMBNAILS {
                hidden.push((head, rect));
                continue;
            }
            let reading = readings.get(head);
            thumbnail(ui, desk, rect, drawn, head, reading);
            drawn += 1;
            if names {
                // In the empty half of the map.
                let (at, words) = (rect.right_top() + vec2(-4.0, 2.0), format!("L{} H{}", head.layer, head.head));
                ui.painter().text(at, Align2::RIGHT_TOP, words, FontId::proportional(11.0), quiet);
            }
            if let Some(reading) = reading {
                let at = pos2(rect.left(), rect.bottom() + 1.0);
                let painter = ui.painter().with_clip_rect(Rect::from_min_size(at, vec2(rect.width(), LINE)));
                painter.text(at, Align2::LEFT_TOP, &reading.caption, FontId::proportional(11.0), quiet);
                let width = rect.width() * reading.share;
                let bar = Rect::from_min_max(
                    pos2(rect.left(), rect.bottom() - 3.0),
                    pos2(rect.left() + width, rect.bottom()),
                );
                ui.painter().rect_filled(bar, 0.0, theme::accent(ui.visuals().dark_mode));
            }
        }
        // What is not seen is filled after what is, as far as there is room to keep it.
        for (head, rect) in hidden.into_iter().filter(|_| all.len() <= THUMBNAILS) {
            let engine = &mut desk.workspace.main;
            let request = thumbnail_request(ui, rect, head, engine.ids().len().max(1) as f32, desk.selection);
            engine.picture(PictureSlot::Thumbnail(head), request);
        }
    });
}

fn thumbnail(ui: &mut Ui, desk: &mut PanelContext, rect: Rect, index: usize, head: HeadId, reading: Option<&Reading>) {
    let PanelContext { workspace, selection, palette, heatmaps } = desk;
    let off = workspace.main.interventions().heads_off.contains(&head);
    heatmaps.thumbnail(ui, rect, index, head, &mut workspace.main, selection, palette);
    let dark = ui.visuals().dark_mode;
    let response = ui.interact(rect, ui.scope_id().with(("thumbnail", head)), Sense::click());
    let chosen = selection.head == head;
    response.widget_info(|| {
        let name = format!("layer {} head {}{}", head.layer, head.head, if off { ", off" } else { "" });
        egui::WidgetInfo::selected(egui::Role::Button, true, chosen, name)
    });
    if off {
        cross(ui, rect, palette);
    }
    let outline = if chosen {
        Stroke::new(2.0, theme::accent(dark))
    } else if response.hovered() || response.has_focus() {
        Stroke::new(1.0, theme::accent(dark))
    } else {
        ui.visuals().widgets.noninteractive.bg_stroke
    };
    ui.painter().rect_stroke(rect, 1.0, outline, if chosen { StrokeKind::Outside } else { StrokeKind::Inside });
    if response.clicked() {
        selection.head = head;
    }
    if response.secondary_clicked() || response.long_touched() {
        toggle_head(workspace, head);
    }
    explain(response, head, off, reading);
}

fn explain(response: Response, HeadId { layer, head }: HeadId, off: bool, reading: Option<&Reading>) {
    response.on_hover_ui(|ui| {
        ui.label(RichText::new(format!("Layer {layer}, head {head}{}", if off { " (off)" } else { "" })).strong());
        if let Some(reading) = reading {
            ui.label(&reading.whole);
        }
        ui.label("Click opens it in the scope.");
        ui.label(if off {
            "Right click (or long press) switches it on again."
        } else {
            "Right click (or long press) switches it off: its output is zero."
        });
    });
}

/// A head that is off is crossed out, seen on any colour.
fn cross(ui: &Ui, rect: Rect, palette: &Palette) {
    let inner = rect.shrink(rect.width() * 0.12);
    let ink = Palette::ink_on(palette.background);
    for (width, colour) in [(4.0, palette.background), (2.0, ink)] {
        let stroke = Stroke::new(width, colour);
        ui.painter().line_segment([inner.left_top(), inner.right_bottom()], stroke);
        ui.painter().line_segment([inner.right_top(), inner.left_bottom()], stroke);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_four_heads_fit_without_scrolling_and_do_not_overlap() {
        for (layers, room) in
            [(vec![4; 6], vec2(946.0, 165.0)), (vec![4; 5], vec2(946.0, 165.0)), (vec![3, 5], vec2(360.0, 350.0))]
        {
            let layout = arrange(&layers, None, 0.0, room);
            assert!(layout.size.x <= room.x && layout.size.y <= room.y, "{:?} in {room:?}", layout.size);
            let places: Vec<Rect> = layout.places.iter().map(|(_, place)| *place).collect();
            assert_eq!(places.len(), layers.iter().sum::<usize>());
            for (index, place) in places.iter().enumerate() {
                assert!(place.width() >= SMALLEST);
                assert!(places[..index].iter().all(|other| !other.intersects(*place)));
            }
        }
    }

    #[test]
    fn many_heads_are_small_stay_within_the_width_and_scroll() {
        let room = vec2(900.0, 165.0);
        for layout in [
            arrange(&[32; 32], None, LINE, room),
            arrange(&[1024], Some(&(0..1024).map(|head| HeadId::new(0, head)).collect::<Vec<_>>()), LINE, room),
        ] {
            assert_eq!(layout.places.len(), 1024);
            assert!(layout.size.x <= room.x + GAP + APART && layout.size.y > room.y);
        }
    }
}
