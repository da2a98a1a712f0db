// Stand-in for Rogue's header of this name: the exception that its classes throw.
#ifndef STANDIN_ROGUE_GENERAL_ERROR_H
#define STANDIN_ROGUE_GENERAL_ERROR_H
#include "rogue/Directives.h"

#include <exception>
#include <string>

namespace rogue {

class GeneralError : public std::exception {
    char text_[600];

  public:
    GeneralError(std::string src, std::string text);
    char const* what() const throw();
};

} // namespace rogue
#endif
