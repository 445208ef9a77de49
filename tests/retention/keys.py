"""RETENTION as the ground's tests have it; worker processes of a test read it, too."""

RETENTION = {
    "SHOP": "tests.retention.shop.LocalShop",
    "SHOP_NAME": "Paper & Clay",
    "BASE_URL": "https://shop.example.com",
    "FROM_EMAIL": "Paper & Clay <hello@shop.example.com>",
    "REPLY_TO": "people@shop.example.com",
    "POSTAL_ADDRESS": "1 Kiln Lane, Potters Town",
    "HASH_KEY": "a-key-for-limits-in-tests",
    "SUPPRESSION_KEY": "a-key-for-suppression-in-tests",
    "LINK_KEYS": ["a-key-for-links-in-tests"],
}
