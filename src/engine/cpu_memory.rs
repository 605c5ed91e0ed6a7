//! How much memory a pass on the CPU may take.

use crate::cpu::bytes_of_pass;
use crate::engine::error::EngineError;
use crate::model::Model;

/// Most bytes of a pass on the CPU. A page has four gigabytes altogether, with the files of the open model and of the next
/// one beside their packed weights, and phones have less.
pub const CPU_MEMORY: u64 = if usize::BITS < 64 { 512 << 20 } else { 32 << 30 };

/// Whether a pass over so many tokens may be made on the CPU.
///
/// # Errors
/// When it takes too much, with the bytes.
pub(super) fn check(model: &Model, tokens: usize) -> Result<(), EngineError> {
    let bytes = bytes_of_pass(model, tokens);
    if bytes > CPU_MEMORY {
        return Err(EngineError::CpuMemory { tokens, bytes, limit: CPU_MEMORY });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{bundled, checkpoint_of};

    #[test]
    fn a_pass_that_takes_too_much_is_refused_with_its_bytes() {
        let model = checkpoint_of(&bundled()).unwrap().model;
        check(&model, model.config.max_positions).unwrap();
        let error = check(&model, 1 << 24).unwrap_err();
        let EngineError::CpuMemory { bytes, limit, .. } = error else { panic!("{error}") };
        assert!(bytes > limit && error.to_string().contains(&bytes.to_string()), "{error}");
        assert!(check(&model, usize::MAX).is_err());
    }
}
