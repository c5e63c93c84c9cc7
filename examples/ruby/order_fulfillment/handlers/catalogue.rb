# frozen_string_literal: true

module OrderFulfillment
  # What the shop sells. Prices are in cents, without tax.
  module Catalogue
    Article = Struct.new(:sku, :name, :price_cents, :weight_grams, :stock, keyword_init: true)

    ARTICLES = [
      Article.new(sku: "TEA-100", name: "Green tea, 100 g", price_cents: 1290,
                  weight_grams: 120, stock: 40),
      Article.new(sku: "MUG-BLUE", name: "Mug, blue", price_cents: 1495,
                  weight_grams: 380, stock: 12),
      Article.new(sku: "POT-1L", name: "Teapot, 1 l", price_cents: 4900,
                  weight_grams: 950, stock: 3)
    ].to_h { |article| [article.sku, article.freeze] }.freeze

    # @return [Article, nil]
    def self.find(sku) = ARTICLES[sku]
  end
end
