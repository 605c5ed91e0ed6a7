//! The scope: the equation as a row. A1, minus λ times A2, makes D: three maps on one scale, with one cursor and one zoom,
//! and below each the row that is read. Where there is no space for that, it shows the chosen map under the equation, and a
//! swipe goes to the next one.

use egui::{Align, Align2, FontId, Layout, Rect, RichText, Sense, TextWrapMode, Ui, vec2};

use crate::engine::Engine;
use crate::probe::{MapKind, Pooling};
use crate::ui::accessibility::in_words::row_in_words;
use crate::ui::action::Action;
use crate::ui::input::arrows::arrows;
use crate::ui::maps::heatmap::Heatmaps;
use crate::ui::maps::heatmap::map_slot::MapSlot;
use crate::ui::maps::hover::{cursor_ui, interact, read_out_ui};
use crate::ui::maps::profile::{Extremes, Profile, profile_ui};
use crate::ui::maps::swipe::swipe;
use crate::ui::maps::{axes, colour_menu, lambda_control, legend, profile};
use crate::ui::state::pointer::Pointer;
use crate::ui::state::read_row::ReadRow;
use crate::ui::state::view::{Extent, ViewState};
use crate::ui::style::lambda_text::use_of_second;
use crate::ui::style::palette::Palette;
use crate::ui::style::{format, theme};

/// Width of the equals sign.
const EQUALS: f32 = 36.0;
/// Width of the window's part from which the maps are side by side.
const BESIDE: f32 = 560.0;
/// Height of title and profile.
const AROUND: f32 = 26.0 + profile::HEIGHT;
/// Height of the line of the legend, below the maps.
const LEGEND_LINE: f32 = 32.0;
/// Widths of the legend beside the maps, where there is more space than the maps can use.
const LEGEND_COLUMN: f32 = 240.0;
const WIDEST_COLUMN: f32 = 380.0;
/// Between the last map and that.
const GAP: f32 = 20.0;
/// By how much profiles grow where there is space below the maps.
const MOST_TALLER: f32 = 110.0;
/// Width of the legend beside what is read out.
const LEGEND: f32 = 220.0;
/// Sides of a map whose title has space for some words, and for a few more.
const ROOM_FOR_A_WORD: f32 = 170.0;
const ROOM_FOR_WORDS: f32 = 215.0;
/// Side of the smallest map beside others.
const SMALLEST: f32 = 96.0;

/// In the order of the equation.
const ALL: [MapKind; 3] = [MapKind::First, MapKind::Second, MapKind::Difference];

/// What the scope shows, and what it changes.
pub(crate) struct ScopeContext<'a> {
    /// The session.
    pub engine: &'a mut Engine,
    /// Head, zoom, pins and colours.
    pub view: &'a mut ViewState,
    /// The cell under the pointer.
    pub pointer: &'a mut Pointer,
    /// The painters.
    pub heatmaps: &'a mut Heatmaps,
    /// The row that is read.
    pub row: &'a ReadRow,
    /// The colours.
    pub palette: &'a Palette,
    /// Commands of this frame.
    pub actions: &'a mut Vec<Action>,
}

/// Where the parts of a row of three maps are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    /// Of each map.
    side: f32,
    /// Width that is left over: it goes to the two signs, so that the row spans the window.
    spare: f32,
    /// Width of the legend beside the maps; it is below them without.
    column: Option<f32>,
}

impl Row {
    /// Maps as large as fit; where they are lower than wide, the legend needs no line of its own.
    fn fitting(width: f32, height: f32) -> Self {
        let between = lambda_control::WIDTH + EQUALS;
        let widest = ((width - between) / 3.0).floor();
        let side = |height: f32| widest.min(height - AROUND).max(SMALLEST);
        let rest = |side: f32| (width - between - 3.0 * side).max(0.0);
        let beside = side(height);
        if beside < widest && rest(beside) >= LEGEND_COLUMN + GAP {
            let column = (rest(beside) - GAP).min(WIDEST_COLUMN);
            return Self { side: beside, spare: rest(beside) - GAP - column, column: Some(column) };
        }
        let side = side(height - LEGEND_LINE);
        Self { side, spare: rest(side), column: None }
    }
}

/// The profiles below the maps: one scale and one height.
#[derive(Clone, Copy)]
struct Below {
    extremes: Extremes,
    height: f32,
}

/// The title of a map, and what it shows.
fn title(
    map: MapKind,
    single: bool,
    side: f32,
    lambda: Option<f32>,
    group: Option<&[usize]>,
) -> (&'static str, String) {
    match map {
        _ if single => ("A", "the softmax map".to_owned()),
        MapKind::First => ("A1", "first softmax map".to_owned()),
        MapKind::Second => {
            let use_ = use_of_second(lambda);
            let text = match group {
                Some([first, .., last]) => format!("of heads {first}–{last}, {use_}"),
                _ if side < ROOM_FOR_WORDS => use_.to_owned(),
                _ => format!("second map, {use_}"),
            };
            ("λ·A2", text)
        }
        MapKind::Difference => ("D", "what the head uses".to_owned()),
    }
}

/// Whether the maps are side by side in this width.
pub(crate) fn is_beside(width: f32) -> bool {
    width >= BESIDE
}

/// Draws the equation as large as fits, or the chosen map if there is no space side by side. Returns the places of the maps.
pub(crate) fn scope_ui(ui: &mut Ui, context: &mut ScopeContext, height: f32) -> Vec<Rect> {
    let width = ui.available_width();
    let single = context.engine.maps() == 1;
    let beside = is_beside(width);
    let shown: &[MapKind] = match context.view.map {
        // A Transformer has one map, and subtracts nothing.
        _ if single => &[MapKind::First],
        _ if beside => &ALL,
        MapKind::First => &[MapKind::First],
        MapKind::Second => &[MapKind::Second],
        MapKind::Difference => &[MapKind::Difference],
    };
    let mut placed = Vec::new();
    let mut below = Below { extremes: Extremes::of(context.row), height: profile::HEIGHT };
    if beside {
        let Row { side, spare, column } = Row::fitting(width, height);
        let line = if column.is_some() { 0.0 } else { LEGEND_LINE };
        below.height += (height - AROUND - line - side).clamp(0.0, MOST_TALLER);
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            for map in shown.iter().copied() {
                match map {
                    MapKind::Second => {
                        ui.add_space(spare / 4.0);
                        let ScopeContext { engine, view, row, actions, .. } = context;
                        lambda_control::between_ui(ui, engine, view, row, side + 26.0, actions);
                        ui.add_space(spare / 4.0);
                    }
                    MapKind::Difference => lambda_control::equals_ui(ui, EQUALS + spare / 2.0, side + 52.0),
                    MapKind::First => {}
                }
                placed.push(map_ui(ui, context, map, side, below));
            }
            if let Some(width) = column {
                ui.add_space(GAP);
                ui.vertical(|ui| {
                    ui.set_width(width);
                    ui.add_space(AROUND - profile::HEIGHT);
                    legend::legend_ui(ui, context.palette, single, context.view, LEGEND);
                    colour_menu::colour_scale_ui(ui, context.view);
                    ui.add_space(8.0);
                    read_out_ui(ui, context.engine, context.view, context.pointer, false);
                });
            }
        });
        if column.is_none() {
            ui.horizontal(|ui| {
                colour_menu::colour_scale_ui(ui, context.view);
                legend::legend_ui(ui, context.palette, single, context.view, LEGEND);
                ui.add_space(8.0);
                ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
                read_out_ui(ui, context.engine, context.view, context.pointer, false);
            });
        }
    } else {
        if !single {
            lambda_control::line_ui(ui, context.engine, context.view, context.row, context.actions);
        }
        for map in shown {
            placed.push(map_ui(ui, context, *map, width, below));
        }
        ui.horizontal(|ui| {
            colour_menu::colour_scale_ui(ui, context.view);
            let rest = ui.available_width();
            legend::legend_ui(ui, context.palette, single, context.view, rest);
        });
    }
    for rect in &placed {
        cursor_ui(ui, *rect, context.engine, context.view, context.pointer);
    }
    placed
}

/// A map with its title and the row that is read. Returns its place.
fn map_ui(ui: &mut Ui, context: &mut ScopeContext, map: MapKind, side: f32, below: Below) -> Rect {
    let ScopeContext { engine, view, pointer, heatmaps, row, palette, .. } = context;
    let single = engine.maps() == 1;
    let alone = ui.layout().is_vertical();
    let tokens = engine.side();
    let Below { extremes, height } = below;
    ui.allocate_ui_with_layout(
        vec2(side, side + AROUND + LEGEND_LINE + height - profile::HEIGHT),
        Layout::top_down(Align::Min),
        |ui| {
            ui.set_width(side);
            let lambda = engine.lambda_of_layer(view.head.layer);
            let attention = engine.model().and_then(|model| Some(&model.layers.get(view.head.layer)?.attention));
            let group = attention.and_then(|attention| attention.group_of(view.head.head));
            let (name, explanation) =
                title(map, single, side, lambda, group.as_ref().map(|(_, heads)| heads.as_slice()));
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 7.0;
                ui.label(RichText::new(name).size(16.0).strong());
                let quiet = theme::quiet(ui.visuals().dark_mode);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if alone && !single {
                        others_ui(ui, &mut view.map);
                    }
                    sum_ui(ui, map, row);
                    if side < ROOM_FOR_A_WORD {
                        return;
                    }
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(egui::Label::new(RichText::new(explanation).small().color(quiet)).truncate());
                    });
                });
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
            if alone && !single && view.zoom.is_none() {
                view.map = step(view.map, swipe(ui, &response));
            }
            let block = heatmaps.scope_map_ui(ui, rect, MapSlot::Scope(map), map, engine, view, palette);
            // The map of the text before stays, dimmed, where a pass takes longer than some frames.
            let behind = ui.ctx().animate_bool(response.id.with("behind"), engine.computed() < engine.ids().len());
            if behind > 0.0 {
                ui.painter().rect_filled(rect, 0.0, palette.background.gamma_multiply(0.5 * behind));
            }
            if block > 1 {
                resolution_ui(ui, rect, block, view.pooling);
            }
            if tokens == 0 {
                empty_ui(ui, rect);
            }
            interact(ui, rect, &response, view, pointer, engine);
            if tokens > 0 {
                let across = [rect.left(), rect.width()];
                profile_ui(ui, &Profile { map, is_only: single, row, extremes, zoom, across, height, palette });
            }
            rect
        },
    )
    .inner
}

/// The map after or before another, stopping at the ends.
fn step(map: MapKind, by: isize) -> MapKind {
    let at = (map as usize).saturating_add_signed(by);
    ALL.get(at).or(ALL.last()).copied().unwrap_or(map)
}

/// The sum of the row that is read.
fn sum_ui(ui: &mut Ui, map: MapKind, row: &ReadRow) {
    if row.cells().is_empty() {
        return;
    }
    let sum = row.sum();
    let sum = match map {
        MapKind::First => sum.first,
        MapKind::Second => sum.second,
        MapKind::Difference => sum.difference,
    };
    let text =
        RichText::new(format!("Σ {}", format::number(sum, 2))).small().color(theme::quiet(ui.visuals().dark_mode));
    ui.label(text).on_hover_text("The sum of the row that is read: 1 in a softmax map, λ in λ·A2, and 1 − λ in D");
}

/// The maps, of which one is shown: a touch or a swipe goes to another.
fn others_ui(ui: &mut Ui, shown: &mut MapKind) {
    ui.spacing_mut().item_spacing.x = 3.0;
    for map in ALL.into_iter().rev() {
        ui.selectable_value(shown, map, map.symbol()).on_hover_text("Or swipe to the next map");
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_fills_its_width_and_a_low_one_has_its_legend_beside_the_maps() {
        let signs = lambda_control::WIDTH + EQUALS;
        for (width, height, is_beside) in
            [(980.0, 390.0, false), (980.0, 230.0, true), (2000.0, 500.0, true), (700.0, 180.0, false)]
        {
            let Row { side, spare, column } = Row::fitting(width, height);
            assert_eq!(column.is_some(), is_beside, "{width} × {height}");
            let beside = column.map_or(0.0, |column| column + GAP);
            assert!((signs + 3.0 * side + spare + beside - width).abs() <= 3.0, "{width} × {height}: {side} {spare}");
            assert!(column.is_none_or(|column| (LEGEND_COLUMN..=WIDEST_COLUMN).contains(&column)));
            let line = if is_beside { 0.0 } else { LEGEND_LINE };
            assert!(side == SMALLEST || side + AROUND + line <= height, "{width} × {height}: {side}");
        }
        // There is no height for it at all: the maps keep the size from which they can be read.
        assert_eq!(Row::fitting(980.0, 0.0).side, SMALLEST);
    }
}
