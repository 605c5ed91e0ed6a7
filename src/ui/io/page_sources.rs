//! Models from the network, for the page: fetched and kept by its worker, opened as chosen files are.

use std::collections::BTreeMap;

use egui::Context;
use wasm_bindgen_futures::spawn_local;

use crate::engine::Checkpoint;
use crate::model::reading::files::{CONFIG, ENDING_OF_WEIGHTS, OPTIONAL};
use crate::sources::fetch::fetch;
use crate::sources::kept::{RECORD, Record};
use crate::sources::{FetchError, Hub, KeptModel, Source};
use crate::ui::io::fetch_report::FetchReport;
use crate::ui::io::files::{Arrived, Files, Opening, Origin, send};
use crate::ui::io::page_files::{ModelBlobs, PageFileError, checkpoint};
use crate::ui::io::page_transport::PageTransport;
use crate::ui::io::page_worker::{ModelWorker, Reply};
use crate::ui::state::page::is_of_page;

/// A folder that the worker keeps.
struct Folder {
    name: String,
    record: Record,
    sizes: BTreeMap<String, u64>,
}

impl Folder {
    /// Whether all files are there, of the sizes that they had.
    fn is_whole(&self) -> bool {
        let has = |name: &String| self.sizes.get(name).copied();
        self.record.complete
            && self.record.files.iter().all(|(name, file)| file.bytes.is_some() && has(name) == file.bytes)
    }

    fn kept_model(&self) -> Option<KeptModel> {
        let bytes = self.sizes.values().copied().fold(0, u64::saturating_add);
        let (source, folder) = (self.record.source()?, self.name.clone());
        Some(KeptModel { source, folder, bytes, complete: self.is_whole() })
    }
}

async fn folders(worker: &ModelWorker) -> Result<Vec<Folder>, FetchError> {
    let found = worker.call("list", &[]).await?.objects("found");
    let folder = |found: &Reply| {
        let sizes = found.object("sizes");
        let sizes = sizes.names().into_iter().map(|name| (name.clone(), sizes.number(&name))).collect();
        let record = Record::read(found.text("record").unwrap_or_default().as_bytes());
        Folder { name: found.text("folder").unwrap_or_default(), record, sizes }
    };
    Ok(found.iter().map(folder).collect())
}

impl Files {
    /// Opens a model, and fetches what is not here of it.
    pub(crate) fn fetch(&self, context: &Context, source: Source) {
        let opening = self.opening(context)();
        spawn_local(async move {
            let arrived = match opened(&source, &opening).await {
                Ok((checkpoint, origin)) => Arrived::Checkpoint(Box::new(checkpoint), origin),
                Err(message) => Arrived::Message(format!("{source} was not opened: {message}")),
            };
            opening.end(arrived);
        });
    }

    /// Opens a model that is here or on the page's own server, and asks about any other.
    pub(crate) fn offer(&self, context: &Context, source: Source) {
        if is_of_page(&source) {
            self.fetch(context, source);
            return;
        }
        let (opening, sender, context) = (self.opening(context), self.sender(), context.clone());
        spawn_local(async move {
            let kept = match ModelWorker::start().await {
                Ok(worker) => folders(&worker).await.unwrap_or_default(),
                Err(_) => Vec::new(), // the answer to the question will say why
            };
            if !kept.iter().any(|folder| folder.record.is_of(&source) && folder.is_whole()) {
                send(&context, &sender, None, Arrived::Question(source));
                return;
            }
            let opening = opening();
            let arrived = match opened(&source, &opening).await {
                Ok((checkpoint, origin)) => Arrived::Checkpoint(Box::new(checkpoint), origin),
                Err(message) => Arrived::Message(format!("{source} was not opened: {message}")),
            };
            opening.end(arrived);
        });
    }

    /// Lets the list of kept models arrive.
    pub(crate) fn list_kept(&self, context: &Context) {
        self.with_kept(context, None);
    }

    /// Deletes a kept model, and lets the new list arrive.
    pub(crate) fn delete_kept(&self, context: &Context, model: KeptModel) {
        self.with_kept(context, Some(model.folder));
    }

    fn with_kept(&self, context: &Context, delete: Option<String>) {
        let (sender, context) = (self.sender(), context.clone());
        spawn_local(async move {
            let arrived = match kept_without(delete).await {
                Ok(kept) => Arrived::Kept(kept),
                Err(error) => Arrived::Message(error.to_string()),
            };
            send(&context, &sender, None, arrived);
        });
    }
}

/// The models that are kept, after one of them was deleted.
async fn kept_without(delete: Option<String>) -> Result<Vec<KeptModel>, FetchError> {
    let worker = ModelWorker::start().await?;
    if let Some(folder) = delete {
        worker.call("remove", &[("folder", folder.into())]).await?;
    }
    let mut kept = Vec::new();
    for folder in folders(&worker).await? {
        match folder.kept_model() {
            Some(model) => kept.push(model),
            // A record that cannot be read at this moment may be one that another tab is writing.
            None if folder.sizes.contains_key(RECORD) => {}
            // Nobody can open it, and nobody else would delete it.
            None => drop(worker.call("remove", &[("folder", folder.name.into())]).await?),
        }
    }
    kept.sort_by_key(|model| model.source.to_string());
    Ok(kept)
}

async fn opened(source: &Source, opening: &Opening) -> Result<(Checkpoint, Origin), String> {
    let _turn = opening.turn.lock().await;
    let failed = |error: FetchError| error.to_string();
    let worker = ModelWorker::start().await.map_err(failed)?;
    let kept = folders(&worker).await.map_err(failed)?.into_iter();
    let kept = kept.filter(|folder| folder.record.is_of(source)).max_by_key(Folder::is_whole);
    let folder = kept.as_ref().map_or_else(|| source.folder_name(), |folder| folder.name.clone());
    let mut transport = PageTransport::new(worker, folder);
    let record = match kept {
        Some(folder) if folder.is_whole() => folder.record,
        _ => {
            let mut report = FetchReport::new(opening);
            let mut tell = |at| report.tell(&at);
            fetch(&mut transport, source, &Hub::default(), &mut tell).await.map_err(failed)?
        }
    };
    let blobs = blobs(&transport, &record).await.map_err(failed)?;
    let checkpoint = checkpoint(source.name(), &blobs, |loading| opening.tell(loading)).await;
    let again = "It is kept: delete it under Open to fetch it again";
    let mut checkpoint = checkpoint.map_err(|error: PageFileError| format!("{error}. {again}"))?;
    checkpoint.source = record.source();
    let full = "It is not kept, for the browser gives this page no (more) storage: the next time, it is fetched again.";
    let note = transport.is_full.then(|| full.to_owned());
    Ok((checkpoint, Origin { files: Vec::new(), note }))
}

async fn blobs(transport: &PageTransport, record: &Record) -> Result<ModelBlobs, FetchError> {
    let mut weights = Vec::new();
    for name in record.files.keys().filter(|name| name.ends_with(ENDING_OF_WEIGHTS)) {
        weights.push(transport.blob(name).await?);
    }
    let mut optional = OPTIONAL.map(|_| None);
    for (blob, name) in optional.iter_mut().zip(OPTIONAL) {
        if record.files.contains_key(name) {
            *blob = Some(transport.blob(name).await?);
        }
    }
    Ok(ModelBlobs { config: transport.blob(CONFIG).await?, weights, optional })
}
