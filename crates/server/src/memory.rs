//! How the C library keeps freed memory.

/// One heap for each core. glibc gives threads up to eight for each, and each keeps what
/// the largest batch that was ever handled in it took: a server that was busy once would
/// hold that memory several times over for good. A `MALLOC_ARENA_MAX` of the operator's
/// holds over this. To be called before there are threads.
pub(crate) fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let heaps = i32::try_from(cores).unwrap_or(i32::MAX);
        // SAFETY: it takes two numbers and sets one; no other thread is there to ask for
        // memory meanwhile. If it refuses, memory is kept as it was.
        #[allow(unsafe_code)] // the C library's one way to be told while it runs
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, heaps);
        }
    }
}
