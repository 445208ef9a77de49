"""Personal coupons issued by the thousand, our rows and Oscar's, beside Oscar's own ways to make vouchers."""
