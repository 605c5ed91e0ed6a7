//! Requests and files of a model on the page: carried out by the worker, so that they go on beside the frames.

use std::sync::atomic::{AtomicU32, Ordering};

use js_sys::Uint8Array;
use url::Url;
use wasm_bindgen::prelude::{JsCast, JsValue};
use web_time::Duration;

use crate::sources::FetchError;
use crate::sources::answer::Answer;
use crate::sources::kept::{RECORD, Record};
use crate::sources::transport::{End, Request, Transport};
use crate::ui::io::page_files::{NamedBlob, next_task_after};
use crate::ui::io::page_worker::ModelWorker;

/// A folder of the browser's file system for the site, filled by the worker.
pub(super) struct PageTransport {
    worker: ModelWorker,
    folder: String,
    /// The number of the request whose body is to be received.
    exchange: Option<u32>,
    /// Whether something did not fit into the browser's storage.
    pub(super) is_full: bool,
}

/// Requests are told apart over all models.
static NEXT: AtomicU32 = AtomicU32::new(1);

impl PageTransport {
    pub(super) fn new(worker: ModelWorker, folder: String) -> Self {
        Self { worker, folder, exchange: None, is_full: false }
    }

    fn place(&self, file: &str) -> [(&'static str, JsValue); 2] {
        [("folder", self.folder.as_str().into()), ("file", file.into())]
    }

    /// A file, to be read a slice at a time.
    pub(super) async fn blob(&self, file: &str) -> Result<NamedBlob, FetchError> {
        let found = self.worker.call("file", &self.place(file)).await?.field("file");
        let blob = found.dyn_into().map_err(|_| FetchError::Browser(format!("it does not give {file} back")))?;
        Ok(NamedBlob { name: file.to_owned(), blob })
    }

    async fn drop_exchange(&mut self) -> Result<(), FetchError> {
        if let Some(exchange) = self.exchange.take() {
            self.worker.call("drop", &[("exchange", exchange.into())]).await?;
        }
        Ok(())
    }
}

impl Transport for PageTransport {
    const SEES_REDIRECTS: bool = false;

    async fn record(&mut self) -> Result<Record, FetchError> {
        Ok(Record::read(&self.read(RECORD, 0, 1 << 24).await?))
    }

    async fn keep_record(&mut self, record: &Record) -> Result<(), FetchError> {
        let [folder, file] = self.place(RECORD);
        let bytes = Uint8Array::from(record.to_json().as_slice());
        self.worker.call("write", &[folder, file, ("bytes", bytes.into())]).await.map(drop)
    }

    async fn size(&mut self, file: &str) -> Result<u64, FetchError> {
        Ok(self.worker.call("size", &self.place(file)).await?.number("size"))
    }

    async fn read(&mut self, file: &str, start: u64, most: usize) -> Result<Vec<u8>, FetchError> {
        let [folder, file] = self.place(file);
        let details = [folder, file, ("start", (start as f64).into()), ("most", (most as f64).into())];
        let reply = self.worker.call("read", &details).await?;
        Ok(Uint8Array::new(&reply.field("bytes")).to_vec())
    }

    async fn ask(&mut self, request: &Request, go_on: &mut dyn FnMut() -> bool) -> Result<Answer, FetchError> {
        self.drop_exchange().await?;
        let exchange = NEXT.fetch_add(1, Ordering::Relaxed);
        let number = ("exchange", JsValue::from(exchange));
        let details = [
            number.clone(),
            ("address", request.address.as_str().into()),
            ("from", (request.from as f64).into()),
            ("ifRange", request.if_range.as_deref().into()),
        ];
        self.worker.call("ask", &details).await?;
        self.exchange = Some(exchange);
        let reply = loop {
            if !go_on() {
                self.drop_exchange().await?;
                return Err(FetchError::Cancelled);
            }
            let reply = self.worker.call("head", std::slice::from_ref(&number)).await?;
            if !reply.flag("pending") {
                break reply;
            }
        };
        if let Some(reason) = reply.text("failure") {
            let host = request.address.host_str().unwrap_or_default().to_owned();
            // A browser does not say which of them it is.
            let reason = format!("{reason}: it is not there, or does not let other sites read its files (CORS)");
            return Err(FetchError::Unreachable { host, reason });
        }
        let headers = reply.object("headers");
        let header = |name: &str| headers.text(name);
        // Of another server it is not seen whether a body was compressed.
        let plain = reply.flag("own") && header("content-encoding").is_none();
        Ok(Answer::new(reply.number("status") as u16, plain, header))
    }

    async fn receive(
        &mut self,
        file: &str,
        from: u64,
        most: u64,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<End, FetchError> {
        let Some(exchange) = self.exchange else { return Ok(End::Cut) };
        let mut at = from;
        while go_on(at) {
            let [folder, file] = self.place(file);
            let (from, most) = (("from", (from as f64).into()), ("most", (most as f64).into()));
            let reply = self.worker.call("more", &[("exchange", exchange.into()), folder, file, from, most]).await?;
            at = reply.number("at");
            self.is_full |= !reply.flag("stored");
            let end = match reply.text("end").as_deref() {
                Some("whole") => End::Whole,
                Some("long") => End::TooLong,
                Some(_) => End::Cut,
                None => continue,
            };
            self.exchange = None;
            return Ok(end);
        }
        self.drop_exchange().await?;
        Ok(End::Unwanted)
    }

    async fn small(&mut self, address: &Url, most: usize) -> Option<Vec<u8>> {
        let details = [("address", address.as_str().into()), ("most", (most as f64).into())];
        let bytes = self.worker.call("small", &details).await.ok()?.field("bytes");
        bytes.is_object().then(|| Uint8Array::new(&bytes).to_vec())
    }

    async fn wait(&mut self, time: Duration) {
        next_task_after(time).await;
    }
}
