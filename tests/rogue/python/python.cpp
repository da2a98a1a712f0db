// The stand-in for Python: one lock, and its end.
#include "boost/python.hpp"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <vector>

namespace {

// Never destroyed: threads may come late.
struct Interpreter {
    std::mutex mutex;
    std::condition_variable changed;
    bool taken = false;
    bool finalizing = false;
    std::string names;
    std::vector<PyMethodDef*> atExit;
};

Interpreter& python() {
    static Interpreter* const interpreter = new Interpreter;
    return *interpreter;
}

thread_local bool mine = false;
thread_local bool main_ = false;
int object;

void take() {
    {
        std::unique_lock<std::mutex> lock(python().mutex);
        python().changed.wait(lock, [] { return !python().taken || python().finalizing; });
        if (!python().finalizing || main_) {
            python().taken = true;
            mine = true;
            return;
        }
    }
    pthread_exit(nullptr); // as Python does it
}

void leave() {
    std::lock_guard<std::mutex> lock(python().mutex);
    python().taken = false;
    mine = false;
    python().changed.notify_all();
}

} // namespace

int Py_IsInitialized() {
    std::lock_guard<std::mutex> lock(python().mutex);
    return python().finalizing ? 0 : 1;
}
int PyGILState_Check() { return mine ? 1 : 0; }
PyThreadState* PyEval_SaveThread() {
    leave();
    return reinterpret_cast<PyThreadState*>(&object);
}
void PyEval_RestoreThread(PyThreadState*) { take(); }
PyGILState_STATE PyGILState_Ensure() {
    if (mine) return PyGILState_LOCKED;
    take();
    return PyGILState_UNLOCKED;
}
void PyGILState_Release(PyGILState_STATE state) {
    if (state == PyGILState_UNLOCKED) leave();
}
PyObject* PyImport_ImportModule(const char*) { return standinNone(); }
PyObject* PyCFunction_New(PyMethodDef* method, PyObject*) {
    python().atExit.push_back(method);
    return standinNone();
}
PyObject* PyObject_CallMethod(PyObject*, const char*, const char*, ...) { return standinNone(); }
PyObject* standinNone() { return reinterpret_cast<PyObject*>(&object); }

namespace standin {

void note(const std::string& name) { python().names += name + "\n"; }
std::string names() { return python().names; }
void takeLock() {
    main_ = true;
    take();
}
void leaveLock() { leave(); }

void finalize() {
    const std::vector<PyMethodDef*> last(python().atExit.rbegin(), python().atExit.rend());
    for (PyMethodDef* method : last)
        method->ml_meth(nullptr, nullptr);
    std::lock_guard<std::mutex> lock(python().mutex);
    python().finalizing = true;
    python().changed.notify_all();
}

} // namespace standin
