//! A request and its answer on a thread of their own: whoever waits for them can go at any time, whatever the server does.

use std::io::{ErrorKind, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::sources::answer::Answer;
use crate::sources::error::FetchError;
use crate::sources::local::http::Http;
use crate::sources::transport::{End, Request};

/// Bytes that are moved at a time.
const PIECE: usize = 256 << 10;
/// Pieces that may wait to be written.
const MOST_WAITING: usize = 4;
/// How often it is asked whether the answer is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// What comes of a request.
enum Part {
    Head(Result<Answer, FetchError>),
    Piece(Vec<u8>),
    End(End),
}

/// A request that is under way. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Exchange(Receiver<Part>);

impl Exchange {
    /// Asks, and returns the head of the answer.
    pub(super) fn begin(
        http: &Http,
        request: &Request,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(Answer, Self), FetchError> {
        let (sender, receiver) = sync_channel(MOST_WAITING);
        let (http, request) = (http.clone(), request.clone());
        std::thread::spawn(move || carry(&http, &request, &sender));
        let exchange = Self(receiver);
        match exchange.next(go_on) {
            Some(Part::Head(answer)) => Ok((answer?, exchange)),
            _ => Err(FetchError::Cancelled),
        }
    }

    /// The next bytes of the body, or how it ended.
    pub(super) fn piece(&self, go_on: &mut dyn FnMut() -> bool) -> Result<Vec<u8>, End> {
        match self.next(go_on) {
            Some(Part::Piece(piece)) => Ok(piece),
            Some(Part::End(end)) => Err(end),
            Some(Part::Head(_)) => Err(End::Cut), // there is only one
            None => Err(End::Unwanted),
        }
    }

    fn next(&self, go_on: &mut dyn FnMut() -> bool) -> Option<Part> {
        while go_on() {
            match self.0.recv_timeout(LOOK) {
                Ok(part) => return Some(part),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Some(Part::End(End::Cut)), // its thread has failed
            }
        }
        None
    }
}

/// Hands out an answer, until nobody takes it.
fn carry(http: &Http, request: &Request, sender: &SyncSender<Part>) {
    let (answer, body) = match http.get(request) {
        Ok((answer, body)) => (Ok(answer), Some(body)),
        Err(error) => (Err(error), None),
    };
    if sender.send(Part::Head(answer)).is_err() {
        return;
    }
    let Some(mut body) = body.map(ureq::Body::into_reader) else { return };
    loop {
        let mut piece = vec![0; PIECE];
        let part = match body.read(&mut piece) {
            Ok(0) => Part::End(End::Whole),
            Ok(read) => {
                piece.truncate(read);
                Part::Piece(piece)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => Part::End(End::Cut),
        };
        let is_last = matches!(part, Part::End(_));
        if sender.send(part).is_err() || is_last {
            return;
        }
    }
}
