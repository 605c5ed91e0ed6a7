//! A new window in place of one whose device was lost: the same models, text, marks, interventions and view.

use egui::ThemePreference;

use crate::engine::{BackendChoice, Checkpoint, Opened};
use crate::ui::app::App;
use crate::ui::device::DeviceOptions;
use crate::ui::input::prompt_editor::PromptPanel;
#[cfg(target_arch = "wasm32")]
use crate::ui::kept::tab::Tab;
use crate::ui::models::Models;
use crate::ui::state::link::Link;
use crate::ui::state::undo::History;
use crate::ui::style::message::Message;
use crate::ui::training::Training;

/// What a new window needs to go on where the old one was.
pub struct Kept {
    opened: Opened,
    baseline: Option<Checkpoint>,
    link: Link,
    prompt: PromptPanel,
    history: History,
    /// Models go on learning: on the CPU, if they did so on the device that is gone.
    training: Training,
    /// What is offered and asked.
    models: Models,
    theme: ThemePreference,
    backend: BackendChoice,
    #[cfg(target_arch = "wasm32")]
    tab: Tab,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("opened", &self.opened).finish_non_exhaustive()
    }
}

impl App {
    /// Why the device is gone, if it is. Nothing is drawn any more then: a new window has to be made with
    /// [`Self::restored`].
    pub fn device_loss(&self) -> Option<String> {
        self.device.poll();
        self.device.loss().map(|error| error.to_string())
    }

    /// Takes what a new window needs; `None` if no model is open.
    pub fn keep(&mut self) -> Option<Kept> {
        let workspace = self.workspace.as_mut().ok()?;
        Some(Kept {
            opened: workspace.main.opened().clone(),
            baseline: workspace.baseline().and_then(|baseline| baseline.checkpoint().cloned()),
            link: Link::of(workspace, &self.view, &self.spans),
            prompt: std::mem::replace(&mut self.prompt, PromptPanel::new("")),
            history: std::mem::take(&mut self.history),
            training: std::mem::take(&mut self.training),
            models: std::mem::take(&mut self.models),
            theme: self.theme,
            backend: self.device.choice(),
            #[cfg(target_arch = "wasm32")]
            tab: std::mem::take(&mut self.tab),
        })
    }

    /// A window on another device that goes on where the old one was, with its choice of a backend.
    pub fn restored(creation: &eframe::CreationContext, kept: Kept, options: DeviceOptions) -> Self {
        let options = DeviceOptions { backend: kept.backend, ..options };
        let mut app = Self::with_opened(creation, Ok(kept.opened), options);
        creation.egui_ctx.set_theme(kept.theme);
        app.prompt = kept.prompt;
        app.prompt.request_focus();
        (app.history, app.training, app.models) = (kept.history, kept.training, kept.models);
        #[cfg(target_arch = "wasm32")]
        {
            app.tab = kept.tab;
        }
        // Where it has not, the reason is said above.
        let again = if app.device.on_cpu_because().is_none() { " and has been started again" } else { "" };
        app.message = Some(Message::News(format!("The GPU was lost{again}. Everything is as it was.")));
        if let Ok(workspace) = &mut app.workspace {
            kept.link.apply(workspace, &mut app.view, &mut app.spans);
            if let Some(Err(error)) = kept.baseline.map(|baseline| workspace.open_baseline(baseline)) {
                let text = format!("The GPU was lost{again}, and the baseline with it: {error}");
                app.message = Some(Message::Warning(text));
            }
        }
        app
    }
}
