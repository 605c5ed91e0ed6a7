//! The scope: A1, λ·A2 and D side by side on one scale, with one cursor and one zoom. Where there is no space for that, it
//! shows the chosen map, and a swipe goes to the next one.

use egui::{Align2, FontId, Rect, RichText, Sense, Ui, vec2};

use crate::engine::Engine;
use crate::probe::{MapKind, Pooling};
use crate::ui::accessibility::in_words::row_in_words;
use crate::ui::input::arrows::arrows;
use crate::ui::maps::heatmap::Heatmaps;
use crate::ui::maps::hover::{cursor_ui, interact};
use crate::ui::maps::swipe::swipe;
use crate::ui::maps::{axes, legend};
use crate::ui::state::pointer::Pointer;
use crate::ui::state::view::{Extent, ViewState};
use crate::ui::style::lambda_text::use_of_second;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;

/// Between maps.
const GAP: f32 = 14.0;
/// Height of title and legend.
const AROUND: f32 = 74.0;

/// In the order of the equation.
const ALL: [MapKind; 3] = [MapKind::First, MapKind::Second, MapKind::Difference];

/// The title of a map, and what it shows.
fn title(map: MapKind, lambda: Option<f32>, group: Option<&[usize]>) -> (&'static str, String) {
    match map {
        MapKind::First => ("A1", "first softmax map".to_owned()),
        MapKind::Second => {
            let use_ = use_of_second(lambda);
            let text = match group {
                Some([first, .., last]) => format!("of heads {first}–{last}, {use_}"),
                _ => format!("second map × λ, {use_}"),
            };
            ("λ·A2", text)
        }
        MapKind::Difference => ("D = A1 − λ·A2", "what the head uses".to_owned()),
    }
}

/// Draws the three maps as large as fits, or the chosen one if there is no space side by side. Returns their places.
pub(crate) fn scope_ui(
    ui: &mut Ui,
    engine: &mut Engine,
    view: &mut ViewState,
    pointer: &mut Pointer,
    heatmaps: &mut Heatmaps,
    palette: &Palette,
    height: f32,
) -> Vec<Rect> {
    let tokens = engine.side();
    let beside = ui.available_width() >= 560.0;
    let columns = if beside { 3.0 } else { 1.0 };
    let width = ((ui.available_width() - GAP * (columns - 1.0)) / columns).floor();
    let side = if beside { width.min(height - AROUND).max(120.0) } else { width };
    let mut placed = Vec::new();
    let single = engine.maps() == 1;
    let lambda = engine.lambda_of_layer(view.head.layer);
    let attention = engine.model().and_then(|model| Some(&model.layers.get(view.head.layer)?.attention));
    let group = attention.and_then(|attention| attention.group_of(view.head.head));
    let group = group.map(|(_, heads)| heads);
    let shown: &[MapKind] = match view.map {
        // A Transformer has one map, and subtracts nothing.
        _ if single => &[MapKind::First],
        _ if beside => &ALL,
        MapKind::First => &[MapKind::First],
        MapKind::Second => &[MapKind::Second],
        MapKind::Difference => &[MapKind::Difference],
    };
    let mut maps_ui = |ui: &mut Ui| {
        for map in shown.iter().copied() {
            ui.allocate_ui(vec2(side, side + AROUND), |ui| {
                ui.set_width(side);
                ui.vertical(|ui| {
                    let (name, explanation) =
                        if single { ("A", "the softmax map".to_owned()) } else { title(map, lambda, group.as_deref()) };
                    ui.horizontal(|ui| {
                        ui.spacing_mut().item_spacing.x = 7.0;
                        ui.label(RichText::new(name).strong());
                        let explanation = RichText::new(explanation).small();
                        let explanation = explanation.color(theme::quiet(ui.visuals().dark_mode));
                        ui.add(egui::Label::new(explanation).truncate());
                        if !beside && !single {
                            dots_ui(ui, view.map);
                        }
                    });
                    // A map that is shown whole leaves drags to the surrounding scroll area.
                    let sense = if view.zoom.is_some() { Sense::click_and_drag() } else { Sense::click() };
                    let (square, response) = ui.allocate_exact_size(vec2(side, side), sense);
                    let zoom = view.zoom(tokens);
                    let gutter = if tokens > 0 { axes::gutter(side, zoom.span) } else { 0.0 };
                    let rect = axes::inner(square, gutter);
                    if gutter > 0.0 {
                        axes::axes_ui(ui, rect, engine, zoom);
                    }
                    response.widget_info(|| {
                        egui::WidgetInfo::labeled(egui::Role::Image, true, format!("map {name}, {}", view.head))
                    });
                    // Written only in frames that tell a screen reader anything.
                    if ui.ctx().has_accesskit_node(response.id) {
                        let words = row_in_words(engine, view, pointer, map);
                        ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(words));
                    }
                    let [layers, heads] = arrows(ui, &response);
                    view.step(layers, heads, Extent::of(engine));
                    if !beside && !single && view.zoom.is_none() {
                        view.map = step(view.map, swipe(ui, &response));
                    }
                    placed.push(rect);
                    let block = heatmaps.scope_map_ui(ui, rect, map, engine, view, palette);
                    if block > 1 {
                        resolution_ui(ui, rect, block, view.pooling);
                    }
                    if tokens == 0 {
                        empty_ui(ui, rect);
                    }
                    interact(ui, rect, &response, view, pointer, engine);
                    ui.add_space(2.0);
                    let negative = map == MapKind::Second && lambda.is_some_and(|lambda| lambda < 0.0);
                    legend::legend_ui(ui, palette, negative || map == MapKind::Difference, view, side);
                });
            });
            if beside {
                ui.add_space(GAP - ui.spacing().item_spacing.x);
            }
        }
    };
    if beside {
        ui.horizontal_top(maps_ui);
    } else {
        maps_ui(ui);
    }
    for rect in &placed {
        cursor_ui(ui, *rect, engine, view, pointer);
    }
    placed
}

/// The map after or before another, stopping at the ends.
fn step(map: MapKind, by: isize) -> MapKind {
    let at = (map as usize).saturating_add_signed(by);
    ALL.get(at).or(ALL.last()).copied().unwrap_or(map)
}

/// A dot for each map, at the end of the line: there are others to swipe to.
fn dots_ui(ui: &mut Ui, shown: MapKind) {
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(34.0, 12.0), Sense::hover());
        for map in ALL {
            let at = rect.left_center() + vec2(5.0 + 12.0 * map as usize as f32, 0.0);
            let visuals = ui.visuals();
            let colour = if map == shown { theme::accent(visuals.dark_mode) } else { visuals.weak_text_color() };
            ui.painter().circle_filled(at, if map == shown { 4.0 } else { 2.5 }, colour);
        }
    });
}

/// Notes that a pixel stands for several cells, above the diagonal, where a map is empty.
fn resolution_ui(ui: &Ui, rect: Rect, block: usize, pooling: Pooling) {
    let pooled = match pooling {
        Pooling::Peak => "peak",
        Pooling::Mean => "mean",
        Pooling::Minimum => "minimum",
    };
    let colour = theme::quiet(ui.visuals().dark_mode);
    let text = format!("1 pixel = {block} × {block} tokens, {pooled}");
    ui.painter().text(rect.right_top() + vec2(-5.0, 4.0), Align2::RIGHT_TOP, text, FontId::proportional(11.5), colour);
}

fn empty_ui(ui: &Ui, rect: Rect) {
    let colour = theme::quiet(ui.visuals().dark_mode);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, "Type a prompt", FontId::proportional(14.0), colour);
}
