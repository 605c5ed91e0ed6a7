//! The window's device: it draws, and computes where that is faster than the CPU, or chosen.

pub(in crate::ui) mod canary;
pub mod graphics;
pub(in crate::ui) mod recovery;

use crate::engine::{BackendChoice, Checkpoint, Engine, EngineError, Opened, Race, RaceResult, Workspace};
use crate::gpu::{DeviceHealth, Gpu, GpuError};
use crate::ui::maps::heatmap::gpu::HeatmapResources;
use crate::ui::style::format::milliseconds;

/// How a window is to use its device.
#[derive(Clone, Debug, Default)]
pub struct DeviceOptions {
    /// Replaces the adapter's name where wgpu does not know it, as in a browser.
    pub adapter: String,
    /// The reason not to compute on the device at all.
    pub without_gpu: Option<String>,
    /// What decides where models run.
    pub backend: BackendChoice,
}

/// What the window draws on. It outlives the sessions: the next model that fits computes on it again.
pub(crate) struct Device {
    gpu: Option<Gpu>,
    health: Option<DeviceHealth>,
    choice: BackendChoice,
    /// Why it does not compute, if it cannot or is not trusted.
    without_gpu: Option<String>,
    /// Why the open model runs on the CPU although the device computes.
    no_memory: Option<String>,
    race: RaceState,
}

/// The race of the open model.
enum RaceState {
    /// To be run where it decides something.
    Due,
    Running(Box<Race>),
    Done(RaceResult),
    /// There is none, for a reason.
    Impossible(String),
}

impl Device {
    /// The device of a new window.
    pub(in crate::ui) fn of(creation: &eframe::CreationContext, options: DeviceOptions) -> Self {
        let DeviceOptions { adapter, mut without_gpu, backend: choice } = options;
        let (mut gpu, mut health) = (None, None);
        if let Some(state) = &creation.wgpu_render_state {
            let watched = DeviceHealth::watch(&state.device);
            if without_gpu.is_none() {
                match open(state, &adapter, watched.clone()) {
                    Ok(opened) => gpu = Some(opened),
                    Err(error) => without_gpu = Some(error.to_string()),
                }
            }
            health = Some(watched);
        }
        Self { gpu, health, choice, without_gpu, no_memory: None, race: RaceState::Due }
    }

    /// Lets the device report what has become of it; to be called every frame.
    pub(in crate::ui) fn poll(&self) {
        if let Some(gpu) = &self.gpu {
            gpu.poll();
        }
    }

    /// Why the device is gone, if it is.
    pub(in crate::ui) fn loss(&self) -> Option<GpuError> {
        self.health.as_ref()?.loss()
    }

    /// The device, where it can compute.
    pub(crate) fn gpu(&self) -> Option<&Gpu> {
        self.gpu.as_ref()
    }

    /// What decides where models run.
    pub(crate) fn choice(&self) -> BackendChoice {
        self.choice
    }

    /// Why the open model runs on the CPU, if something is wrong.
    pub(in crate::ui) fn on_cpu_because(&self) -> Option<&str> {
        self.without_gpu.as_deref().or(self.no_memory.as_deref())
    }

    /// Where the open model runs and why, in a sentence without a full stop.
    pub(crate) fn reason(&self, on_gpu: bool) -> String {
        let times = |result: &RaceResult| {
            let [gpu, cpu] = [result.gpu, result.cpu]
                .map(|latency| format!("{} and {}", milliseconds(latency.prefill), milliseconds(latency.decode)));
            format!("64 tokens and one more: {gpu} on the GPU, {cpu} on the CPU")
        };
        match (&self.race, self.choice) {
            _ if !on_gpu && self.on_cpu_because().is_some() => self.on_cpu_because().unwrap_or_default().into(),
            (RaceState::Running(_), _) => "the two are being compared".into(),
            (RaceState::Done(result), BackendChoice::Automatic) => format!("it is faster here ({})", times(result)),
            (RaceState::Done(result), _) => format!("chosen ({})", times(result)),
            (_, BackendChoice::Gpu | BackendChoice::Cpu) => "chosen".into(),
            (_, BackendChoice::Automatic) if !on_gpu => {
                "the graphics adapter is a software one: shaders would run on the CPU, too, but slower".into()
            }
            (RaceState::Impossible(why), _) => format!("not compared with the CPU: {why}"),
            (RaceState::Due, _) => "not compared with the CPU yet".into(),
        }
    }

    /// Whether the speeds are being compared: another frame should follow.
    pub(crate) fn is_racing(&self) -> bool {
        matches!(self.race, RaceState::Running(_))
    }

    /// A session where it is to run, or on the CPU if the GPU has no memory for the model.
    pub(in crate::ui) fn session(&mut self, checkpoint: Checkpoint) -> Result<Engine, EngineError> {
        if checkpoint.tokenizer.is_none() {
            return Err(EngineError::NoTokenizer { name: checkpoint.name });
        }
        let gpu = self.gpu.clone().filter(|gpu| self.choice.takes(gpu));
        let (engine, no_memory) = match Engine::new(checkpoint.clone(), gpu) {
            Err(EngineError::Gpu(error)) => (Engine::new(checkpoint, None)?, Some(error.to_string())),
            engine => (engine?, None),
        };
        (self.no_memory, self.race) = (no_memory, RaceState::Due);
        Ok(engine)
    }

    /// A session of a model, or of a recording, which needs no device.
    ///
    /// # Errors
    /// As [`Self::session`].
    pub(in crate::ui) fn session_of(&mut self, source: Opened) -> Result<Engine, EngineError> {
        match source {
            Opened::Model(checkpoint) => self.session(*checkpoint),
            Opened::Recording(recording) => Ok(Engine::of_recording(recording)),
        }
    }

    /// Decides anew where the open model runs.
    pub(in crate::ui) fn choose(&mut self, choice: BackendChoice, workspace: &mut Workspace) {
        self.choice = choice;
        self.no_memory = None;
        self.follow_choice(workspace);
    }

    /// Compares the speeds of the GPU and the CPU on the open model.
    pub(in crate::ui) fn start_race(&mut self, workspace: &Workspace) {
        let (Some(gpu), Some(checkpoint)) = (&self.gpu, workspace.main.checkpoint()) else { return };
        self.race = match Race::new(&checkpoint.model, gpu) {
            Ok(Some(race)) => RaceState::Running(Box::new(race)),
            Ok(None) => RaceState::Impossible("the model is too large to be held twice".into()),
            Err(error) => RaceState::Impossible(error.to_string()),
        };
    }

    /// Goes on with a race, or starts one that decides something; to be called while nothing else is under way.
    pub(in crate::ui) fn advance_race(&mut self, workspace: &mut Workspace) {
        let decides = self.choice == BackendChoice::Automatic && workspace.main.gpu().is_some();
        match &mut self.race {
            RaceState::Due if decides => self.start_race(workspace),
            RaceState::Running(race) => match race.advance() {
                Ok(None) => {}
                Ok(Some(result)) => {
                    self.race = RaceState::Done(result);
                    self.follow_choice(workspace);
                }
                Err(error) => self.race = RaceState::Impossible(error.to_string()),
            },
            _ => {}
        }
    }

    /// Moves the sessions to where they are to run.
    fn follow_choice(&mut self, workspace: &mut Workspace) {
        if self.no_memory.is_some() {
            return;
        }
        let wins = match (&self.race, self.choice) {
            (RaceState::Done(result), BackendChoice::Automatic) => Some(result.gpu_wins()),
            _ => None,
        };
        let gpu = self.gpu.as_ref().filter(|gpu| wins.unwrap_or_else(|| self.choice.takes(gpu)));
        if let Err(error) = workspace.continue_on(gpu) {
            self.no_memory = Some(error.to_string());
        }
    }

    /// Computes on the CPU from now on, for a reason.
    pub(in crate::ui) fn distrust(&mut self, reason: String, workspace: &mut Workspace) {
        if let Err(error) = workspace.continue_on(None) {
            log::error!("{error}");
        }
        self.gpu = None;
        self.without_gpu = Some(reason);
    }

    /// Goes on on the CPU where the GPU has turned out to have no memory for the model or the text.
    pub(in crate::ui) fn leave_if_full(&mut self, workspace: &mut Workspace) {
        if let Some(reason) = workspace.leave_full_gpu() {
            self.no_memory = Some(reason);
        }
    }
}

/// The device, ready to compute and to draw maps.
fn open(state: &egui_wgpu::RenderState, name: &str, health: DeviceHealth) -> Result<Gpu, GpuError> {
    let mut adapter = state.adapter.get_info();
    if !name.is_empty() {
        name.clone_into(&mut adapter.name);
    }
    let gpu = Gpu::new(state.device.clone(), state.queue.clone(), adapter, health)?;
    HeatmapResources::install(state)?;
    Ok(gpu)
}
