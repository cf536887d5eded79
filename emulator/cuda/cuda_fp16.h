// Everything of this header is in netc_emulate.h already.
#pragma once
