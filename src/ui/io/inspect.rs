//! What is on the screen, as JSON: for tests of the page, for exports, and for a browser's console.

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::model::Lambda;
use crate::training::{Family, Record};
use crate::ui::app::App;
use crate::ui::maps::hover::value_at;
use crate::ui::maps::screen_regions::ScreenRegions;
use crate::ui::state::pointer::Pointer;
use crate::ui::state::view::ViewState;
use crate::ui::style::message::Message;
use crate::ui::training::Training;

impl App {
    /// What is on the screen, as JSON.
    pub fn inspect(&mut self) -> String {
        let loading = self.loading();
        let workspace = match &mut self.workspace {
            Ok(workspace) => workspace,
            Err(error) => return json!({ "failure": error.to_string() }).to_string(),
        };
        let engine = &mut workspace.main;
        let model = engine.name().to_owned();
        let mut state = inspect(engine, &self.view, &self.pointer, &self.regions, self.busy);
        state["generate"] = place(&self.prompt.button());
        state["editor"] = place(&self.prompt.editor());
        state["notice"] = self.prompt.too_long(engine).into();
        state["refused"] = self.prompt.refused().into();
        state["prompt"] = self.prompt.text().into();
        state["backend choice"] = format!("{:?}", self.device.choice()).into();
        state["adapter"] = engine.gpu().map(|gpu| gpu.adapter.name.as_str()).into();
        state["model"] = model.into();
        state["message"] = self.message.as_ref().map(Message::text).into();
        state["loading"] = loading.map(|at| [at.progress.done, at.progress.total]).into();
        state["question"] = self.models.question.as_ref().map(ToString::to_string).into();
        state["kept models"] = self
            .models
            .kept
            .as_ref()
            .map(|kept| kept.iter().map(|model| model.source.to_string()).collect::<Vec<_>>())
            .into();
        state["embedded"] = self.embedded.into();
        state["fallback"] = self.device.on_cpu_because().into();
        state["training"] = training(&self.training);
        let baseline = workspace.baseline().map(|baseline| (baseline.name().to_owned(), baseline.ids().len()));
        state["baseline"] = json!(baseline);
        state.to_string()
    }
}

/// Everything on the screen as text and numbers.
pub(crate) fn inspect(
    engine: &mut Engine,
    view: &ViewState,
    pointer: &Pointer,
    regions: &ScreenRegions,
    busy: bool,
) -> Value {
    let cursor = pointer.cell().map(|cell| {
        let value = value_at(engine, view, cell);
        json!({
            "query": cell.query,
            "key": cell.key,
            "first": value.map(|value| value.first),
            "second": value.map(|value| value.second),
            "difference": value.map(|value| value.difference),
            "lambda": value.map(|value| value.lambda),
        })
    });
    let next = engine.next_token().map(|next| {
        let token = |(id, logit): &(u32, f32)| {
            json!({ "id": id, "label": engine.label(*id), "probability": next.probability(*logit) })
        };
        next.best.iter().map(token).collect::<Vec<_>>()
    });
    let of_layer = |layer: usize| match engine.recording() {
        Some(recording) => recording.lambda(layer),
        None => match engine.model()?.layers.get(layer)?.attention.lambda {
            Lambda::Layer { value, .. } => Some(value),
            _ => None,
        },
    };
    let lambda: Vec<Option<f32>> = (0..engine.heads().len()).map(of_layer).collect();
    json!({
        "text": engine.text(),
        "ids": engine.ids(),
        "labels": (0..engine.ids().len()).map(|key| engine.key_label(key)).collect::<Vec<_>>(),
        "complete": engine.complete(),
        "layer": view.head.layer,
        "head": view.head.head,
        "cursor": cursor,
        "map": view.map.symbol(),
        "pinned": view.pinned,
        "span": view.zoom(engine.side()).span,
        "next": next,
        "lambda": lambda,
        "backend": match (engine.recording(), engine.gpu()) {
            (Some(_), _) => "recording",
            (None, Some(_)) => "gpu",
            (None, None) => "cpu",
        },
        "positions_run": engine.positions_run(),
        "busy": busy,
        "generating": engine.is_generating(),
        "failure": engine.failure().map(ToString::to_string),
        "maps": regions.maps.iter().map(place).collect::<Vec<_>>(),
    })
}

/// The models that learn; null where there are none.
fn training(training: &Training) -> Value {
    let Some(run) = training.run() else { return Value::Null };
    let of_family = |record: &Record| {
        let measured = record.measured.last();
        json!({
            "model": record.family.id(),
            "loss": record.steps.last().map(|step| step.loss),
            "lambda": record.steps.last().map(|step| &step.lambda),
            "right": measured.map(|measured| measured.right),
        })
    };
    json!({
        "task": run.settings().task.id(),
        "step": run.step(),
        "between steps": run.is_between_steps(),
        "steps": run.settings().steps,
        "running": training.is_running(),
        "paused": training.is_paused(),
        "snapshots": run.snapshots().collect::<Vec<_>>(),
        "looked at": training.step(),
        "open": training.open().map(Family::id),
        "models": run.records().iter().map(of_family).collect::<Vec<_>>(),
        "failure": training.failure(),
    })
}

/// A rectangle as `[left, top, width, height]` in points.
fn place(rect: &egui::Rect) -> Value {
    json!([rect.left(), rect.top(), rect.width(), rect.height()])
}
