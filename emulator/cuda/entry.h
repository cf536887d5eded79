// How the launch calls a kernel that it knows only by name: NETC_KERNEL(name), appended to the
// source.
//
// The compiler deduces the parameters, so arguments are checked for number, size and kind: more
// than a launch on the device does.
#pragma once

// p is a pointer to what is written, r one to const, f a float, v any other value.
template <char KIND, int UNIT> struct netc_facts {
    static const int kind = KIND, unit = UNIT;
};
template <class T> struct netc_kind : netc_facts<'v', 0> {};
template <> struct netc_kind<float> : netc_facts<'f', 0> {};
template <class T> struct netc_kind<T *> : netc_facts<'p', sizeof(T)> {};
template <class T> struct netc_kind<const T *> : netc_facts<'r', sizeof(T)> {};

struct netc_parameter {
    int size, kind, unit;
};

template <int...> struct netc_numbers {};
template <int N, int... I> struct netc_count : netc_count<N - 1, N - 1, I...> {};
template <int... I> struct netc_count<0, I...> {
    typedef netc_numbers<I...> type;
};

#define NETC_UNCHECKED __attribute__((no_sanitize("thread", "bounds", "alignment")))
template <class T> NETC_UNCHECKED static inline T netc_argument(const void *place)
{
    T value;
    __builtin_memcpy(&value, place, sizeof value);
    return value;
}
template <class... T, int... I>
NETC_UNCHECKED static inline void netc_call(void (*kernel)(T...), void **arguments,
                                            netc_numbers<I...>)
{
    (void)arguments;
    kernel(netc_argument<T>(arguments[I])...);
}
template <class... T>
NETC_UNCHECKED static inline void netc_call(void (*kernel)(T...), void **arguments)
{
    netc_call(kernel, arguments, typename netc_count<sizeof...(T)>::type());
}
template <class... T>
NETC_UNCHECKED static inline int netc_describe(void (*)(T...), netc_parameter *out)
{
    const netc_parameter all[] = {{(int)sizeof(T), netc_kind<T>::kind, netc_kind<T>::unit}...,
                                  {0, 0, 0}};
    for (unsigned i = 0; i < sizeof...(T); i++) out[i] = all[i];
    return (int)sizeof...(T);
}

#define NETC_KERNEL(NAME)                                                   \
    extern "C" NETC_UNCHECKED void netc_call_##NAME(void **arguments)       \
    {                                                                       \
        netc_call(NAME, arguments);                                         \
    }                                                                       \
    extern "C" NETC_UNCHECKED int netc_describe_##NAME(netc_parameter *out) \
    {                                                                       \
        return netc_describe(NAME, out);                                    \
    }
