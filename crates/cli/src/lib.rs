//! The systemprompt command line, from the registry of questions.
