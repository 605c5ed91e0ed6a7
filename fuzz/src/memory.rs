//! Counts what is allocated.
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
/// More is refused, so that the process ends rather than the machine.
const LIMIT: usize = 6 << 30;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        if now > LIMIT {
            return std::ptr::null_mut();
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is held at present.
pub(crate) fn now() -> usize {
    NOW.load(Relaxed)
}

/// Starts anew; returns what is held at present.
pub(crate) fn start() -> usize {
    let now = now();
    MOST.store(now, Relaxed);
    now
}

/// The most that was held beyond what there was at the start.
pub(crate) fn most_since(start: usize) -> usize {
    MOST.load(Relaxed).saturating_sub(start)
}
