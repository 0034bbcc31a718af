// OpenSSL 3.0 or newer, libcrypto alone.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

// EVP_CIPHER_CTX_ctrl's constants and calls that are macros with casts do not reach Swift.
static inline int sluice_gcm_get_tag(EVP_CIPHER_CTX *context, int length, void *tag) {
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, length, tag);
}
static inline int sluice_gcm_set_tag(EVP_CIPHER_CTX *context, int length, void *tag) {
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, length, tag);
}
