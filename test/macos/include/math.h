/* math.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_MATH_H
#define MACOS_SHIM_MATH_H

double ceil(double);
double fabs(double);
double floor(double);
double fmod(double, double);
double pow(double, double);
double sqrt(double);

#endif
