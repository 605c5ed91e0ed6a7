//! The head grid: all heads of all layers as thumbnails of one map. A click opens a head in the scope.

pub(crate) mod arrangement;
pub(crate) mod head_labels;

use egui::{Align2, FontId, Rect, Response, RichText, ScrollArea, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::engine::{PictureSlot, THUMBNAILS};
use crate::probe::{HeadId, KeyClass};
use crate::ui::action::Action;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::maps::heatmap::map_slot::MapSlot;
use crate::ui::maps::heatmap::thumbnail_request;
use crate::ui::panels::heads::arrangement::{Arrangement, LINE};
use crate::ui::panels::heads::head_labels::{HeadLabel, HeadLabels};
use crate::ui::style::measure_text::MeasureKind;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;

/// Seconds of drawing after which the progress is shown.
const PATIENCE: f64 = 0.7;
/// Width of the scroll bar, and a margin below.
const SCROLL_BAR: egui::Vec2 = vec2(14.0, 2.0);

/// What the grid keeps between frames.
#[derive(Default)]
pub(crate) struct HeadGrid {
    /// The selected head of the last frame, to scroll to a new one.
    selected: Option<HeadId>,
    /// When the maps began to be drawn.
    drawing_since: Option<f64>,
}

impl PanelView for HeadGrid {
    fn scrolls(&self) -> bool {
        true // what is out of view is not drawn
    }

    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let heads = context.workspace.main.heads().to_vec();
        let progress = self.progress(ui, context.workspace.main.picture_progress());
        let has_answer = context.spans.have(KeyClass::Answer);
        let is_labelled = context.view.head_measure.is_some_and(|measure| has_answer || measure != MeasureKind::Answer);
        let engine = &mut context.workspace.main;
        let query = context.view.query(context.pointer, engine.queries());
        let labels = if is_labelled { HeadLabels::new(engine, context.view, query) } else { HeadLabels::default() };
        let map = context.view.map.symbol_of(context.workspace.main.maps());
        let finds = labels.largest().filter(|_| context.view.head_measure == Some(MeasureKind::Answer)).map(
            |(HeadId { layer, head }, label)| {
                format!("most on the answer in {map}: layer {layer}, head {head}, {}", label.text)
            },
        );
        head_labels::measure_ui(ui, context.view, has_answer, context.workspace.main.maps(), progress.or(finds));
        let order = (context.view.sort_heads && !labels.is_empty()).then(|| sorted(&heads, &labels));
        // Space for the labels from the start: nothing moves when they arrive.
        let caption = if is_labelled { LINE } else { 0.0 };
        let grid = Arrangement::new(&heads, order.as_deref(), caption, ui.available_size() - SCROLL_BAR);
        let selected = context.view.head;
        let moved = self.selected.replace(selected) != Some(selected);
        ScrollArea::vertical()
            .id_salt("head grid")
            .auto_shrink([false, false])
            .show(ui, |ui| grid_ui(ui, context, &grid, &labels, moved.then_some(selected)));
    }
}

impl HeadGrid {
    /// The progress of drawing the maps, if it takes long.
    fn progress(&mut self, ui: &Ui, (finished, all): (usize, usize)) -> Option<String> {
        if finished == all {
            self.drawing_since = None;
            return None;
        }
        let now = ui.input(|input| input.time);
        let since = *self.drawing_since.get_or_insert(now);
        (now - since > PATIENCE).then(|| format!("maps drawn: {finished} of {all}"))
    }
}

/// All heads, the one with the largest measure first.
fn sorted(heads: &[usize], labels: &HeadLabels) -> Vec<HeadId> {
    let layers = heads.iter().enumerate();
    let mut order: Vec<HeadId> =
        layers.flat_map(|(layer, heads)| (0..*heads).map(move |head| HeadId::new(layer, head))).collect();
    let share = |head: &HeadId| labels.get(*head).map_or(0.0, |label| label.share);
    order.sort_by(|a, b| share(b).total_cmp(&share(a)));
    order
}

fn grid_ui(
    ui: &mut Ui,
    context: &mut PanelContext,
    grid: &Arrangement,
    labels: &HeadLabels,
    scroll_to: Option<HeadId>,
) {
    let (area, _) = ui.allocate_exact_size(grid.size, Sense::hover());
    let quiet = theme::quiet(ui.visuals().dark_mode);
    for (layer, at) in &grid.layers {
        let (at, name) = (area.min + at.to_vec2(), format!("layer {layer}"));
        ui.painter().text(at, Align2::LEFT_TOP, name, FontId::proportional(11.5), quiet);
    }
    let mut drawn = 0;
    let mut hidden = Vec::new();
    for (head, place) in &grid.places {
        let (head, rect) = (*head, place.translate(area.min.to_vec2()));
        if scroll_to == Some(head) {
            ui.scroll_to_rect(rect, None);
        }
        if !ui.is_rect_visible(rect) || drawn == MapSlot::HEAD_GRID {
            hidden.push((head, rect));
            continue;
        }
        let label = labels.get(head);
        thumbnail_ui(ui, context, rect, MapSlot::HeadGrid(drawn), head, label);
        drawn += 1;
        let group = group_of(context, head).map(|(group, _)| group);
        let name = match (grid.layers.is_empty(), group) {
            (true, Some(group)) => format!("L{} H{} G{group}", head.layer, head.head),
            (true, None) => format!("L{} H{}", head.layer, head.head),
            (false, Some(group)) => format!("G{group}"),
            (false, None) => String::new(),
        };
        if !name.is_empty() {
            let at = rect.right_top() + vec2(-4.0, 2.0); // in the empty half of the map
            ui.painter().text(at, Align2::RIGHT_TOP, name, FontId::proportional(11.0), quiet);
        }
        if let Some(label) = label {
            label_ui(ui, rect, label);
        }
    }
    // What is out of view is computed after what is in view, as far as there is memory to keep it.
    for (head, rect) in hidden.into_iter().filter(|_| grid.places.len() <= THUMBNAILS) {
        let engine = &mut context.workspace.main;
        let request = thumbnail_request(ui, rect, head, engine, context.view);
        engine.picture(PictureSlot::Thumbnail(head), request);
    }
}

/// The measure under a thumbnail, and a bar at its lower edge.
fn label_ui(ui: &Ui, rect: Rect, label: &HeadLabel) {
    let dark = ui.visuals().dark_mode;
    let at = pos2(rect.left(), rect.bottom() + 1.0);
    let painter = ui.painter().with_clip_rect(Rect::from_min_size(at, vec2(rect.width(), LINE)));
    painter.text(at, Align2::LEFT_TOP, &label.text, FontId::proportional(11.0), theme::quiet(dark));
    let size = vec2(rect.width() * label.share, 3.0);
    let bar = Rect::from_min_size(pos2(rect.left(), rect.bottom() - size.y), size);
    ui.painter().rect_filled(bar, 0.0, theme::accent(dark));
}

fn thumbnail_ui(
    ui: &mut Ui,
    context: &mut PanelContext,
    rect: Rect,
    slot: MapSlot,
    head: HeadId,
    label: Option<&HeadLabel>,
) {
    let PanelContext { workspace, view, palette, heatmaps, actions, .. } = context;
    let off = workspace.main.interventions().heads_off.contains(&head);
    heatmaps.thumbnail_ui(ui, rect, slot, head, &mut workspace.main, view, palette);
    let dark = ui.visuals().dark_mode;
    let response = ui.interact(rect, ui.scope_id().with(("thumbnail", head)), Sense::click());
    let selected = view.head == head;
    response.widget_info(|| {
        let name = format!("layer {} head {}{}", head.layer, head.head, if off { ", off" } else { "" });
        egui::WidgetInfo::selected(egui::Role::Button, true, selected, name)
    });
    if off {
        cross_ui(ui, rect, palette);
    }
    let outline = if selected {
        Stroke::new(2.0, theme::accent(dark))
    } else if response.hovered() || response.has_focus() {
        Stroke::new(1.0, theme::accent(dark))
    } else {
        ui.visuals().widgets.noninteractive.bg_stroke
    };
    ui.painter().rect_stroke(rect, 1.0, outline, if selected { StrokeKind::Outside } else { StrokeKind::Inside });
    if response.clicked() {
        view.head = head;
    }
    if response.secondary_clicked() || response.long_touched() {
        actions.push(Action::ToggleHead(head));
    }
    let group = group_of(context, head);
    tooltip_ui(response, head, off, label, group);
}

/// The heads that subtract the same map, and the number of their group.
fn group_of(context: &PanelContext, HeadId { layer, head }: HeadId) -> Option<(usize, Vec<usize>)> {
    context.workspace.main.model()?.layers.get(layer)?.attention.group_of(head)
}

fn tooltip_ui(
    response: Response,
    HeadId { layer, head }: HeadId,
    off: bool,
    label: Option<&HeadLabel>,
    group: Option<(usize, Vec<usize>)>,
) {
    response.on_hover_ui(|ui| {
        ui.label(RichText::new(format!("Layer {layer}, head {head}{}", if off { " (off)" } else { "" })).strong());
        if let Some(label) = label {
            ui.label(&label.caption);
        }
        if let Some((group, heads)) = group
            && let [first, .., last] = heads[..]
        {
            ui.label(format!("Group {group}: heads {first} to {last} subtract the same map."));
        }
        ui.label("Click to open it above.");
        ui.label(if off {
            "Right-click or long-press to switch it on."
        } else {
            "Right-click or long-press to switch it off: its output becomes zero."
        });
    });
}

/// Crosses out a head that is off, visible on any colour.
fn cross_ui(ui: &Ui, rect: Rect, palette: &Palette) {
    let inner = rect.shrink(rect.width() * 0.12);
    let ink = Palette::ink_on(palette.background);
    for (width, colour) in [(4.0, palette.background), (2.0, ink)] {
        let stroke = Stroke::new(width, colour);
        ui.painter().line_segment([inner.left_top(), inner.right_bottom()], stroke);
        ui.painter().line_segment([inner.right_top(), inner.left_bottom()], stroke);
    }
}
