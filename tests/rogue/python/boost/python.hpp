// Stand-in for Boost.Python and Python's own interface: a lock that one thread has at a time, an
// exit in two steps, and classes that only note the names that were given to them. Enough to
// compile the bridge as for a Rogue with Python, and to see who waits with the lock in its hands.
#ifndef STANDIN_BOOST_PYTHON_HPP
#define STANDIN_BOOST_PYTHON_HPP

#include <string>
#include <type_traits>

// Python's interface, as far as it is used.
struct PyThreadState;
struct PyObject;
enum PyGILState_STATE { PyGILState_LOCKED, PyGILState_UNLOCKED };
typedef PyObject* (*PyCFunction)(PyObject*, PyObject*);
struct PyMethodDef {
    const char* ml_name;
    PyCFunction ml_meth;
    int ml_flags;
    const char* ml_doc;
};
const int METH_NOARGS = 4;
int Py_IsInitialized();
int PyGILState_Check();
PyThreadState* PyEval_SaveThread();
void PyEval_RestoreThread(PyThreadState* state);
PyGILState_STATE PyGILState_Ensure();
void PyGILState_Release(PyGILState_STATE state);
PyObject* PyImport_ImportModule(const char* name);
PyObject* PyCFunction_New(PyMethodDef* method, PyObject* self);
PyObject* PyObject_CallMethod(PyObject* object, const char* name, const char* format, ...);
PyObject* standinNone();
inline void Py_XDECREF(PyObject*) {}
#define Py_RETURN_NONE return standinNone()

/// For the tests.
namespace standin {
/// "Class.method" for each name given, one on a line.
std::string names();
/// Takes the lock for the calling thread, as a thread of Python's has it.
void takeLock();
void leaveLock();
/// What Py_Finalize does: calls what was registered with atexit, then ends every other thread that
/// asks for the lock.
void finalize();
void note(const std::string& name);
} // namespace standin

namespace boost {
struct noncopyable {};
namespace python {

template <typename...>
struct bases {};
template <typename...>
struct optional {};
template <typename...>
struct init {};

template <typename Class, typename Held, typename Bases, typename Copy>
class class_ {
  public:
    template <typename Init>
    class_(const char* name, Init) : name_(name) {}
    template <typename Method>
    class_& def(const char* name, Method) {
        standin::note(name_ + "." + name);
        return *this;
    }

  private:
    std::string name_;
};

template <typename From, typename To>
void implicitly_convertible() {
    static_assert(std::is_convertible<From, To>::value, "it is convertible");
}

[[noreturn]] inline void throw_error_already_set() { throw 0; }

} // namespace python
} // namespace boost
#endif
