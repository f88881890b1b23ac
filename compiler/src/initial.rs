//! Initial values of parameters, as the generated code draws them: by counter, so that they are the same on every machine.

/// The stream of a parameter: the 32-bit FNV-1a hash of its name.
pub fn stream(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
