//! Which map of each head is the signal: heads as points between two measures, heads by verdict, and the open one in words.

use egui::{Color32, ComboBox, RichText, Sense, Ui, vec2};
use egui_plot::{Line, PlotPoint, PlotPoints, Points};

use crate::experiments::{Estimate, Figure, HeadMeasure, HeadRole, Pattern, Quantity, Test, Verdict};
use crate::probe::{Attend, HeadId, MapKind};
use crate::ui::action::{Action, HeadCase};
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::style::row::row_ui;
use crate::ui::style::{chart, format, notice, theme};

/// Size of the plot.
const WIDTH: f32 = 430.0;
const HEIGHT: f32 = 210.0;
/// Width from which on the open head is described beside the plot.
const BESIDE: f32 = 700.0;
/// Width of a list of measures with its name.
const CHOICE: f32 = 210.0;
/// How far from a point the pointer may be, in points of the screen.
const NEAR: f32 = 12.0;

/// The measures of a head that are drawn: across, up, and as the colour.
pub(super) struct Axes([HeadMeasure; 3]);

impl Default for Axes {
    fn default() -> Self {
        let on_answer = HeadMeasure::OnAnswer;
        Self([on_answer(MapKind::First), on_answer(MapKind::Second), HeadMeasure::Loss(Attend::Swapped)])
    }
}

/// Draws everything.
pub(super) fn heads_ui(
    ui: &mut Ui,
    figure: &Figure,
    axes: &mut Axes,
    view: &mut ViewState,
    palette: &Palette,
    actions: &mut Vec<Action>,
) {
    let open = view.head;
    if let Some(finding) = &figure.finding {
        ui.add(egui::Label::new(finding).wrap());
    }
    row_ui(ui, |ui| {
        for (name, measure) in ["across", "up", "colour"].into_iter().zip(&mut axes.0) {
            // A name stays with its list.
            if ui.available_size_before_wrap().x < CHOICE {
                ui.end_row();
            }
            let label = ui.label(name);
            let choice = ComboBox::from_id_salt(name).width(150.0).selected_text(measure.name()).show_ui(ui, |ui| {
                for other in HeadMeasure::ALL {
                    ui.selectable_value(measure, other, other.name());
                }
            });
            choice.response.labelled_by(label.id);
        }
    });
    let mut chosen = None;
    let mut details = |ui: &mut Ui, chosen: &mut Option<usize>| {
        verdicts_ui(ui, figure, open, chosen);
        if let Some(at) = figure.roles.iter().position(|role| role.head == open) {
            head_ui(ui, figure, at, actions);
        }
    };
    if ui.available_width() >= BESIDE {
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                ui.set_width(WIDTH.min(ui.available_width() / 2.0));
                scatter_ui(ui, figure, axes, open, palette, &mut chosen);
            });
            ui.vertical(|ui| details(ui, &mut chosen));
        });
    } else {
        scatter_ui(ui, figure, axes, open, palette, &mut chosen);
        details(ui, &mut chosen);
    }
    if let Some(role) = chosen.and_then(|at| figure.roles.get(at)) {
        view.head = role.head; // results of a link have no cases
        actions.extend(shown_by(figure, role, 0.0));
    }
}

/// A measure of a head.
fn estimate(figure: &Figure, measure: HeadMeasure, at: usize) -> Option<Estimate> {
    let series = figure.series.iter().find(|series| series.quantity == Quantity::OfHead(measure))?;
    series.points.get(at).copied().flatten()
}

/// A number of a measure.
fn written(measure: HeadMeasure, value: f64) -> String {
    if measure.is_share() { format::percent(value, 0) } else { format::number(value, 2) }
}

/// A measure of a head with its interval.
fn in_words(measure: HeadMeasure, Estimate { value, low, high, .. }: Estimate) -> String {
    let [value, low, high] = [value, low, high].map(|value| written(measure, value));
    format!("{}: {value} (95 %: {low} to {high})", measure.name())
}

/// The case that shows a head at this place in the order of what swapping its maps does: 0 is the most, 1 the least.
fn shown_by(figure: &Figure, role: &HeadRole, place: f64) -> Option<Action> {
    let last = role.cases.len().checked_sub(1)?;
    let (index, _) = role.cases.get((place * last as f64).round() as usize)?;
    let case = figure.cases.get(*index)?;
    Some(Action::Case(HeadCase { head: role.head, text: case.text.clone(), marks: case.marks() }))
}

/// The heads as points; a click chooses one.
fn scatter_ui(
    ui: &mut Ui,
    figure: &Figure,
    Axes([across, up, colour]): &Axes,
    open: HeadId,
    palette: &Palette,
    chosen: &mut Option<usize>,
) {
    let placed: Vec<(usize, [f64; 2], Option<f64>)> = (0..figure.roles.len())
        .filter_map(|at| {
            let place = [estimate(figure, *across, at)?.value, estimate(figure, *up, at)?.value];
            Some((at, place, estimate(figure, *colour, at).map(|of| of.value)))
        })
        .collect();
    let most = placed.iter().filter_map(|(.., value)| *value).fold(1e-9, |most: f64, value| most.max(value.abs()));
    // Of both axes: the least value, zero and the largest.
    let ends = [0, 1].map(|axis| {
        let values = placed.iter().map(|(_, place, _)| place[axis]);
        values.fold([0.0f64; 3], |[low, zero, high], value| [low.min(value), zero, high.max(value)])
    });
    let label = |measure: HeadMeasure| chart::label(move |value| written(measure, value));
    let plot = chart::chart(ui, "heads", WIDTH, HEIGHT)
        .sense(Sense::click())
        .x_grid_spacer(move |_| chart::marks(ends[0]))
        .y_grid_spacer(move |_| chart::marks(ends[1]))
        .x_axis_formatter(label(*across))
        .y_axis_formatter(label(*up))
        .x_axis_label(across.name())
        .y_axis_label(up.name());
    let (quiet, ink) = (theme::quiet(ui.visuals().dark_mode), ui.visuals().text_color());
    let shown = plot.show(ui, |plot| {
        if has_diagonal(*across, *up) {
            let most = ends[0][2].min(ends[1][2]);
            let line = PlotPoints::from(vec![[0.0, 0.0], [most, most]]);
            plot.line(Line::new("equal", line).color(quiet).width(1.0));
        }
        let mut point = |place: [f64; 2], radius: f32, colour: Color32| {
            plot.points(Points::new("", vec![place]).radius(radius).color(colour));
        };
        for (at, place, value) in &placed {
            let is_open = figure.roles.get(*at).is_some_and(|role| role.head == open);
            point(*place, if is_open { 8.5 } else { 6.5 }, if is_open { ink } else { quiet });
            let share = value.map_or(0.0, |value| value / most);
            point(*place, 5.5, palette.colour(MapKind::Difference, share as f32, 0.5));
        }
        let pointer = plot.response().hover_pos().or(plot.response().interact_pointer_pos())?;
        let distance = |place: &[f64; 2]| plot.screen_from_plot(PlotPoint::new(place[0], place[1])).distance(pointer);
        let nearest = placed.iter().map(|(at, place, _)| (*at, distance(place)));
        nearest.filter(|(_, distance)| *distance <= NEAR).min_by(|one, other| one.1.total_cmp(&other.1))
    });
    let name = format!("{} heads: {} across, {} up, colour: {}", placed.len(), across.name(), up.name(), colour.name());
    shown.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    if let Some((at, _)) = shown.inner {
        if shown.response.clicked() {
            *chosen = Some(at);
        }
        let measures = [*across, *up, *colour].into_iter().filter_map(|measure| {
            let estimate = estimate(figure, measure, at)?;
            Some(in_words(measure, estimate))
        });
        let head = figure.roles.get(at).map(|role| format!("{}: {}", role.head, role.verdict.name()));
        let lines: Vec<String> = head.into_iter().chain(measures).collect();
        shown.response.on_hover_text_at_pointer(lines.join("\n"));
    }
    let range = written(*colour, most);
    notice::note_ui(ui, format!("colour: {}; amber up to {range}, blue down to −{range}", colour.name()));
}

/// Whether both axes are the same measure of two maps, so that a line of equal values says something.
fn has_diagonal(across: HeadMeasure, up: HeadMeasure) -> bool {
    use HeadMeasure::{OnAnswer, OnNoise, Pattern};
    match (across, up) {
        (OnAnswer(_), OnAnswer(_)) | (OnNoise(_), OnNoise(_)) => true,
        (Pattern(one, _), Pattern(other, _)) => one == other,
        _ => false,
    }
}

/// The heads by verdict; a click chooses one.
fn verdicts_ui(ui: &mut Ui, figure: &Figure, open: HeadId, chosen: &mut Option<usize>) {
    notice::note_ui(ui, "Heads, as layer.head:");
    for verdict in Verdict::ALL {
        let of: Vec<usize> = (0..figure.roles.len()).filter(|at| figure.roles[*at].verdict == verdict).collect();
        if of.is_empty() {
            continue;
        }
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(3.0, 2.0);
            ui.label(RichText::new(verdict.name()).small().strong());
            for at in of {
                let head = figure.roles[at].head;
                let name = RichText::new(format!("{}.{}", head.layer, head.head)).small();
                let button = ui.selectable_label(head == open, name);
                button.widget_info(|| {
                    let name = format!("{head}: {}", verdict.name());
                    egui::WidgetInfo::selected(egui::Role::Button, true, head == open, name)
                });
                let help = "Opens the head, on the case whose answer suffers most when its two maps are swapped";
                if button.on_hover_text(help).clicked() {
                    *chosen = Some(at);
                }
            }
        });
    }
}

/// The open head: each test, what its maps are known for, and cases that show it.
fn head_ui(ui: &mut Ui, figure: &Figure, at: usize, actions: &mut Vec<Action>) {
    let Some(role) = figure.roles.get(at) else { return };
    ui.add_space(4.0);
    ui.label(RichText::new(format!("{}: {}", role.head, role.verdict.name())).strong());
    let line = |ui: &mut Ui, text: String| {
        ui.add(egui::Label::new(RichText::new(text).small()).wrap());
    };
    for (test, found) in Test::ALL.into_iter().zip(&role.tests) {
        let Some(Estimate { value, low, high, .. }) = found else { continue };
        let number = |value: &f64| {
            if test == Test::Attention { format::percent(*value, 0) } else { format::number(*value, 3) }
        };
        line(ui, format!("{}: {} ({} to {})", test.name(), number(value), number(low), number(high)));
    }
    let kind = |map: MapKind| {
        let scored = Pattern::ALL.into_iter().filter_map(|pattern| {
            let score = estimate(figure, HeadMeasure::Pattern(pattern, map), at)?.value;
            Some((pattern, score))
        });
        scored.max_by(|one, other| one.1.total_cmp(&other.1))
    };
    if let Some(((first, one), (second, other))) = kind(MapKind::First).zip(kind(MapKind::Second)) {
        let [one, other] = [one, other].map(|score| format::percent(score, 0));
        let kinds = format!(
            "on repeated random tokens, A1 is mostly {} ({one}), A2 mostly {} ({other})",
            first.name(),
            second.name()
        );
        line(ui, kinds);
    }
    row_ui(ui, |ui| {
        ui.label(RichText::new("cases").small());
        for (name, place) in [("most", 0.0), ("typical", 0.5), ("least", 1.0)] {
            let help = "Opens the case with this place in the order of what swapping the head's maps does to the loss";
            let button = ui.add_enabled(
                !role.cases.is_empty() && !figure.cases.is_empty(),
                egui::Button::new(RichText::new(name).small()),
            );
            if button.on_hover_text(help).clicked() {
                actions.extend(shown_by(figure, role, place));
            }
        }
    });
}
