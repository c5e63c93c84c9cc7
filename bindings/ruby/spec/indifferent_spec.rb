# frozen_string_literal: true

require "open3"
require "tasker_core/indifferent"

RSpec.describe TaskerCore::IndifferentHash do
  subject(:hash) { described_class.copy("a" => 1, "list" => [{ "b" => { "c" => 2 } }], 3 => "x") }

  [
    ["[]", ->(h, k) { h[k] }], ["fetch", ->(h, k) { h.fetch(k) }],
    ["values_at", ->(h, k) { h.values_at(k).first }],
    ["fetch_values", ->(h, k) { h.fetch_values(k).first }],
    ["slice", ->(h, k) { h.slice(k).values.first }], ["delete", ->(h, k) { h.delete(k) }]
  ].each do |name, read|
    it "reads by String and by Symbol with #{name}" do
      expect(read.call(hash.dup, "a")).to eq(1)
      expect(read.call(hash.dup, :a)).to eq(1)
    end
  end

  %i[key? has_key? include? member?].each do |name|
    it "knows its keys by String and by Symbol with #{name}" do
      expect([hash.public_send(name, "a"), hash.public_send(name, :a)]).to eq([true, true])
      expect([hash.public_send(name, "z"), hash.public_send(name, :z)]).to eq([false, false])
    end
  end

  it "reads at any depth, also in arrays" do
    expect(hash[:list][0][:b]["c"]).to eq(2)
    expect(hash.dig(:list, 0, "b", :c)).to eq(2)
  end

  it "leaves other keys alone" do
    expect(hash[3]).to eq("x")
  end

  it "answers defaults as a Hash does" do
    expect(hash[:z]).to be_nil
    expect(hash.fetch(:z, 9)).to eq(9)
    expect(hash.fetch(:z) { |key| key }).to eq("z")
    expect { hash.fetch(:z) }.to raise_error(KeyError)
  end

  it "writes one entry, whichever form the key has" do
    hash[:a] = 2
    hash["a"] = 3
    hash.store(:new, { d: [{ e: 1 }] })

    expect(hash.keys).to eq(["a", "list", 3, "new"])
    expect(hash["a"]).to eq(3)
    expect(hash["new"]["d"][0]["e"]).to eq(1)
  end

  it "stays indifferent through merge, update, select, reject, except, compact, dup and replace" do
    copies = [hash.merge(z: 1), hash.dup.update("z" => 1), hash.select { true },
              hash.filter { true }, hash.reject { false }, hash.except("none"), hash.compact,
              hash.dup, hash.dup.replace(a: 1), hash.transform_values { |value| value }]

    copies.each { |copy| expect([copy.class, copy[:a]]).to eq([described_class, 1]) }
    expect(hash.merge({ a: 5 }) { |_key, old, new| old + new }[:a]).to eq(6)
    expect(hash.except(:a).key?("a")).to be(false)
  end

  it "is changed by merge! alone, not by merge" do
    hash.merge(a: 2)
    expect(hash[:a]).to eq(1)

    hash.merge!(a: 2)
    expect(hash[:a]).to eq(2)
  end

  it "copies what it is made of" do
    source = { "x" => [{ "y" => 1 }] }
    copy = described_class.copy(source)
    copy[:x][0][:y] = 2

    expect(source).to eq("x" => [{ "y" => 1 }])
    expect(copy).not_to be_frozen
  end

  it "turns into plain hashes" do
    expect(hash.deep_symbolize_keys).to eq(a: 1, list: [{ b: { c: 2 } }], 3 => "x")
    expect(hash.deep_symbolize_keys[:list][0]).to be_an_instance_of(Hash)
    expect(hash.deep_stringify_keys).to eq("a" => 1, "list" => [{ "b" => { "c" => 2 } }], 3 => "x")
    expect(hash.to_hash).to be_an_instance_of(Hash)
    expect(hash.symbolize_keys.keys).to eq([:a, :list, 3])
    expect(hash.stringify_keys.keys).to eq(["a", "list", 3])
    expect(hash.with_indifferent_access).to eq(hash)
  end

  it "can be matched by a pattern" do
    found = case hash
            in { a: Integer => number, list: [{ b: { c: } }] } then [number, c]
            end

    expect(found).to eq([1, 2])
  end

  it "equals a Hash with the same String keys, and becomes the same JSON" do
    plain = { "a" => [{ "b" => nil }] }

    expect(described_class.copy(plain)).to eq(plain)
    expect(JSON.generate(described_class.copy(plain))).to eq(JSON.generate(plain))
  end

  describe "blank?, present? and presence" do
    { nil => true, false => true, "" => true, " \t\n" => true, [] => true, {} => true,
      0 => false, true => false, "x" => false, [nil] => false, 0.0 => false,
      Time.at(0) => false }.each do |value, blank|
      it "say #{blank} of #{value.inspect}" do
        expect(value.blank?).to be(blank)
        expect(value.present?).to be(!blank)
        expect(value.presence).to eq(blank ? nil : value)
      end
    end

    it "leave the application's own methods alone" do
      code = "class Object; def blank? = :own; def present? = :own; end; " \
             "require 'tasker_core/indifferent'; p ''.blank?, ''.present?"
      out, = Open3.capture2(RbConfig.ruby, "-I", File.expand_path("../lib", __dir__), "-e", code)

      expect(out).to eq(":own\n:own\n")
    end
  end
end

RSpec.describe TaskerCore::Models::JsonText do
  it "keeps numbers of any size exactly" do
    numbers = [2**64, -(2**64), 4**64, 6**64, 0]
    text = described_class.new(JSON.generate("n" => numbers))

    expect(text.value).to eq("n" => numbers)
    expect(text.indifferent[:n]).to eq(numbers)
    expect(text.indifferent[:n]).to all(be_an(Integer))
  end

  it "gives a new document at each call" do
    text = described_class.new('{"a":{"b":1}}')
    text.indifferent[:a][:b] = 2

    expect(text.indifferent[:a][:b]).to eq(1)
    expect(text).to be_frozen
  end

  { "1" => 1, '"x"' => "x", "null" => nil, '[1,{"a":2}]' => [1, { "a" => 2 }] }
    .each do |json, value|
    it "takes #{json}" do
      expect(described_class.new(json).value).to eq(value)
      expect(described_class.new(json).indifferent).to eq(value)
    end
  end

  it "goes as deep as the engine lets anything be, and the event around it" do
    deepest = described_class::DEPTH_MAX

    expect(described_class.new(("[" * deepest) + ("]" * deepest)).value).to be_an(Array)
    expect { described_class.new(("[" * (deepest + 1)) + ("]" * (deepest + 1))).value }
      .to raise_error(JSON::NestingError)
  end
end
