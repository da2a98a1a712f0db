// The one exception type that the bridge throws.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_GENERAL_ERROR_H
#define ROGUE_GENERAL_ERROR_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include <stdint.h>

#include <exception>
#include <memory>
#include <string>

namespace rogue {

/// A failure. Its text, of any length, begins with the place where the failure was noticed.
class GeneralError : public std::exception {
  public:
    /// An error noticed in `src`, with `text` as it stands.
    GeneralError(std::string src, std::string text);

    /// Copies share the text, so that copying an exception in flight cannot throw.
    GeneralError(const GeneralError& other) noexcept;

    /// Takes over the other's text.
    GeneralError& operator=(const GeneralError& other) noexcept;

    ~GeneralError() noexcept override;

    /// An error noticed in `src`, with a text that is formatted as by printf. The format must be
    /// part of the program: text from elsewhere goes in as an argument, or to the constructor.
    static GeneralError create(std::string src, const char* fmt, ...);

    /// `src: General Error: text`
    const char* what() const noexcept override;

  private:
    std::shared_ptr<const std::string> text_;
};

} // namespace rogue

#endif
